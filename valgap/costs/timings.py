"""What a run costs on this machine: seconds from finished runs where there are some, else from a short probe.

Reads runs/*/*/run.json and telemetry.json, data/prepared/manifest.json and .dvc/tmp/probe.json, which
`python -m valgap.costs.probe` writes. Imports no TensorFlow.
"""

import dataclasses
import hashlib
import json
import statistics
from collections.abc import Mapping
from pathlib import Path

from valgap.compute import environment, store
from valgap.compute.placement import place
from valgap.costs.estimate import (
    Cells,
    Timings,
    cell_megabytes,
    cell_seconds,
    everything,
    once_seconds,
    run_seconds,
)
from valgap.data.prepared import read_manifest
from valgap.data.sizes import sizes_of
from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.ground.params.experiment import Train, settings_as_dict
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.records import Plain
from valgap.pipeline import processes
from valgap.results.record import RunRecord, read_run, read_telemetry

PROBE = Path(".dvc/tmp/probe.json")


@dataclasses.dataclass(frozen=True)
class Network:
    """Forward operations of an image, parameters, and whether a frozen part's outputs are kept (training/inputs.py)."""

    flops: int
    parameters: int
    keeps: bool


@dataclasses.dataclass(frozen=True)
class Other:
    """Seconds of the variant of these settings, by their digest, which keeps outputs where the baseline does not."""

    settings: str
    timings: Timings


@dataclasses.dataclass(frozen=True)
class Probe:
    """The baseline's seconds, and each network by digest of its settings.

    `half` are the seconds of a step in mixed_bfloat16, None where that is not to be had, or is what the baseline is in.
    `other` is timed beside the baseline where one of both keeps a frozen part's outputs: operations then tell nothing.
    """

    timings: Timings
    models: dict[str, Network]
    half: float | None = None
    other: Other | None = None


@dataclasses.dataclass(frozen=True)
class Costs:
    """By variant: seconds of a run and of a cell, megabytes of a cell. `measured` lists those of finished runs.

    `half` is as in Probe.
    """

    device: str
    workers: int
    timings: Timings
    of_run: dict[str, float]
    of_cell: dict[str, float]
    megabytes: dict[str, float]
    measured: tuple[str, ...]
    half: float | None = None


def digest(settings: Train) -> str:
    """Name of the settings in the probe's file."""
    return hashlib.sha256(json.dumps(settings_as_dict(settings), sort_keys=True).encode()).hexdigest()


def probe_key(params: Suite, image_shape: tuple[int, int, int]) -> Plain:
    """Everything that decides the seconds: another value of any of it needs another probe."""
    placement = place(params.compute)
    return {
        "model": dataclasses.asdict(params.model),
        "files": store.code_digest(Path(params.model.files), "*"),
        "baseline": records.plain(settings_as_dict(params.train)),
        "lock": hashlib.sha256(paths.TRAINING_LOCK.read_bytes()).hexdigest(),
        "workers": len(placement.slots),
        "image_shape": list(image_shape),
        "environment": environment.environment(placement.device),
    }


def read_probe(key: Plain, path: Path = PROBE) -> Probe | None:
    """The cached probe; None when there is none of this key or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key:
            return None
        return records.parse(Probe, json.dumps(content["probe"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_probe(key: Plain, probe: Probe, path: Path = PROBE) -> None:
    """Write the probe's file."""
    write_whole(path, json.dumps({"key": key, "probe": records.plain(probe)}, indent=1))


def missing_models(params: Suite, models: Mapping[str, Network]) -> dict[str, Train]:
    """Settings by digest of all variants whose network is not among those counted."""
    wanted = {digest(settings): settings for settings in params.variants.values()}
    return {name: settings for name, settings in wanted.items() if name not in models}


def missing_other(params: Suite, probe: Probe) -> str | None:
    """The first variant that keeps outputs where the baseline does not, or the other way round, and is not timed.

    None where the probe has timed one, or all are of one kind.
    """
    kinds = {name: probe.models[digest(settings)].keeps for name, settings in params.variants.items()}
    known = probe.models.get(probe.other.settings) if probe.other else None
    if known is not None and known.keeps != kinds[BASELINE]:
        return None
    return next((name for name, keeps in kinds.items() if keeps != kinds[BASELINE]), None)


def pace(network: Network, baseline: Network, probe: Probe) -> tuple[Timings, float]:
    """(seconds of the timed variant that is of the network's kind, the network's operations over that one's).

    Operations count only where all of the network runs in each step.
    """
    if network.keeps == baseline.keeps or probe.other is None:
        timed, reference = probe.timings, baseline
    else:
        timed, reference = probe.other.timings, probe.models[probe.other.settings]
    return timed, 1.0 if network.keeps else network.flops / reference.flops


def prepare() -> None:
    """Bring data/prepared up to date. Raises SuiteError with DVC's words when that fails."""
    print("preparing the data", flush=True)
    status, text = processes.output(["dvc", "repro", "-q", "prepare"])
    if status:
        raise SuiteError(f"`dvc repro prepare` failed:\n{text.rstrip()}")


def probed(params: Suite, prepared: bool) -> Probe:
    """The probe for these parameters, cached or taken now. Raises SuiteError when it cannot be taken.

    Unless the data is `prepared`, it is before a probe.
    """

    def cached() -> Probe | None:
        if not paths.MANIFEST.exists():
            return None
        found = read_probe(probe_key(params, read_manifest().image_shape))
        whole = found is not None and not missing_models(params, found.models) and missing_other(params, found) is None
        return found if whole else None

    if found := cached():
        return found
    if not prepared:
        prepare()
    if not (found := cached()):
        if processes.start(["valgap.costs.probe"]).wait():
            raise SuiteError("the probe of this machine's speed failed; its own words are above")
        found = cached()
    if not found:
        raise SuiteError(f"{PROBE} is not of params.yaml: it was edited meanwhile; run again")
    return found


def _record(variant: str, block: int, params: Suite) -> RunRecord | None:
    """run.json of a cell that was trained with the current settings; None otherwise."""
    try:
        record = read_run(paths.run_folder(variant, block))
    except SuiteError:
        return None
    current, model = records.plain(settings_as_dict(params.variants[variant])), dataclasses.asdict(params.model)
    same = (record.model, record.settings, record.seed) == (model, current, params.split.seed)
    numbers = [facts.replicate for facts in record.replicates]
    return record if same and numbers == list(params.split.replicates(block)) else None


def done_cells(params: Suite, cells: Cells) -> set[tuple[str, int]]:
    """Cells whose run.json has the current settings, seed and replicates. What DVC knows of code is not asked."""
    every = [(name, block) for name, blocks in cells.items() for block in blocks]
    return {cell for cell in every if _record(*cell, params) is not None}


def measured_seconds(params: Suite, variant: str, blocks: tuple[int, ...], device: str) -> float | None:
    """Mean seconds of the variant's finished runs with the current settings on this device; None without any."""
    found: list[float] = []
    for block in blocks:
        record = _record(variant, block, params)
        if record is None or any(environment.get("device") != device for environment in record.environments):
            continue
        found += [row.seconds for row in read_telemetry(paths.run_folder(variant, block))]
    return statistics.fmean(found) if found else None


def costs(params: Suite, prepared: bool = False) -> Costs:
    """Costs of every variant, exploratory ones included, on this machine. Probes where no cached probe fits."""
    probe, split = probed(params, prepared), params.split
    manifest = read_manifest()
    key = probe_key(params, manifest.image_shape)
    device, workers = key["environment"]["device"], key["workers"]
    sizes, classes = sizes_of(manifest), len(manifest.class_names)
    networks = {name: probe.models[digest(params.variants[name])] for name in everything(params)}
    of_run, megabytes, measured, keeping = {}, {}, [], []
    for name, blocks in everything(params).items():
        settings, network = params.variants[name], networks[name]
        timed, ratio = pace(network, networks[BASELINE], probe)
        seconds = measured_seconds(params, name, blocks, device)
        if seconds is None:
            of_run[name] = run_seconds(settings, params.train, sizes, timed, ratio)
            keeping += [(name, timed)] * network.keeps
        else:
            of_run[name] = seconds + probe.timings.run
            measured.append(name)
        megabytes[name] = cell_megabytes(settings, sizes, split.block_size, classes, network.parameters)
    of_cell = {n: cell_seconds(seconds, split.block_size, workers, probe.timings.cell) for n, seconds in of_run.items()}
    for name, timed in keeping[:1]:
        of_cell[name] += once_seconds(sizes, timed, workers)
    return Costs(device, workers, probe.timings, of_run, of_cell, megabytes, tuple(measured), probe.half)
