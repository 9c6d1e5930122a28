"""`valgap params`: the whole of params.yaml as the suite understands it, with every default written out."""

import dataclasses

import click

from valgap.cli.workspace import InWorkspace
from valgap.ground import records
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.experiment import Train, settings_as_dict
from valgap.ground.params.schema import on_one_line
from valgap.ground.params.suite import Suite
from valgap.ground.params.symptom import Symptom
from valgap.ground.records import Plain


def resolved(params: Suite) -> Plain:
    """Every block of params.yaml with every key; variants and single cells as they are written."""
    exploratory = {name: params.diffs[name] for name in params.exploratory}
    return {
        "data": dataclasses.asdict(params.data),
        "split": dataclasses.asdict(params.split),
        "model": dataclasses.asdict(params.model),
        "train": settings(params.train),
        "variants": {name: diff for name, diff in params.diffs.items() if name not in exploratory},
        "exploratory": exploratory,
        "extra": {f"{cell.variant}_{cell.block}": dataclasses.asdict(cell) for cell in params.extra},
        "causes": {
            name: {kind: arms for kind, arms in dataclasses.asdict(cause).items() if arms}
            for name, cause in params.causes.items()
        },
        "diagnosis": dataclasses.asdict(params.diagnosis),
        "symptom": dataclasses.asdict(params.symptom or Symptom()),
        "review": dataclasses.asdict(params.review),
        "compute": dataclasses.asdict(params.compute),
    }


def settings(found: Train) -> Plain:
    """All settings of a run; its length as it is said, in steps or in epochs."""
    plain = settings_as_dict(found)
    return plain if found.steps else {"epochs": found.epochs} | {k: v for k, v in plain.items() if k != "steps"}


def text(content: Plain) -> str:
    """As YAML: a key a line, of blocks too, and what is below in the same line."""
    lines = []
    for name, value in records.plain(content).items():
        if isinstance(value, dict) and value:
            lines += [f"{name}:", *(f"  {key}: {on_one_line(inner)}" for key, inner in value.items())]
        else:
            lines.append(f"{name}: {on_one_line(value)}")
    return "".join(f"{line}\n" for line in lines)


@click.command(cls=InWorkspace, epilog="Example: valgap params --variant dropout")
@click.option("--variant", metavar="NAME", help="All settings of one variant, instead of all blocks.")
def command(variant: str | None) -> None:
    """Print the whole of params.yaml with every default, or all settings of a variant. Reads nothing else."""
    params = suite.load()
    if variant is None:
        print(text(resolved(params)), end="")
        return
    if variant not in params.variants:
        raise SuiteError(f"--variant = {variant!r} is not in params.yaml (declared: {', '.join(params.variants)})")
    print(text(settings(params.variants[variant])), end="")
