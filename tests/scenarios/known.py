"""The scenarios: one YAML file each in planted/, a diff from base.yaml, with what is planted and what is true of it."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from pydantic.dataclasses import dataclass

from tests.scenarios.planting import PLANTINGS
from valgap.calibrate.material import Material
from valgap.calibrate.project import Project, leave_out
from valgap.ground.params.schema import STRICT, parse, read_yaml
from valgap.ground.records import Plain

FOLDER = Path(__file__).parent
PLANTED, BASE = FOLDER / "planted", FOLDER / "base.yaml"


@dataclass(frozen=True, config=STRICT)
class Truth:
    """What is right to say of a scenario.

    `planted` and `effect` say in words what was planted and what removing it was measured to be worth, `why` what else
    was measured. `first` are the causes of which any is right to be named first, none where no cause may be named;
    `needed` those of them without which the answer is half; `also` those that may be named besides, because their
    removal was measured to help.
    """

    planted: str
    effect: str
    why: str
    first: tuple[str, ...]
    also: tuple[str, ...]
    needed: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Known:
    """A scenario: what makes its images (`plant`), its blocks of params.yaml, its truth."""

    name: str
    plant: Plain
    params: Plain
    truth: Truth

    def material(self) -> Material:
        """The images. The same for the same YAML file."""
        options = dict(self.plant)
        rng = np.random.default_rng(np.random.SeedSequence([options.pop("seed"), *options["kind"].encode()]))
        return PLANTINGS[options.pop("kind")](rng, **options)

    def project(self, shipped: Plain) -> Project:
        """The images, and params.yaml whose diagnosis and review blocks are the workspace's, `shipped`."""
        address = shipped["compute"].get("address")
        judged = {block: shipped[block] for block in ("diagnosis", "review")}
        compute = {"workers": 1, "device": "cpu", "per_gpu": 0, "address": address}
        return Project(self.material(), self.params | judged | {"compute": compute})


@functools.cache
def all_known() -> dict[str, Known]:
    """All scenarios by name, in their order."""
    return {path.stem: read(path) for path in sorted(PLANTED.glob("*.yaml"))}


def read(path: Path) -> Known:
    """One scenario. Causes list the arms of all scenarios: those that this one lacks are left out of them."""
    params = merged(read_yaml(BASE), _whole(path))
    truth = parse(Truth, params.pop("truth"), f"{path.name}: truth")
    plant = params.pop("plant")
    listed = {arm for kinds in params["causes"].values() for arms in kinds.values() for arm in arms}
    return Known(path.stem, plant, leave_out(params, listed - set(params["variants"])), truth)


def _whole(path: Path) -> Plain:
    """A diff from base.yaml; one that is `like` another scenario is laid over that one's first."""
    diff: Plain = read_yaml(path)
    like = diff.pop("like", None)
    return diff if like is None else merged(_whole(path.with_stem(like)), diff)


def merged(base: Plain, diff: Plain) -> Plain:
    """A diff laid over its base, key by key; what the diff sets to null is left out."""
    found = dict(base)
    for key, value in diff.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        else:
            found[key] = value
    return found
