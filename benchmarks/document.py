"""The benchmark's report as a document. The texts are in words.yaml."""

import dataclasses
from collections.abc import Mapping, Sequence

from benchmarks import figures
from benchmarks.arena import Round
from benchmarks.contestants import CONTESTANTS, PYTORCH, Group
from benchmarks.figures import Raced, Spread, Target
from benchmarks.networks import NETWORKS, PASSES
from benchmarks.pipeline import ADDED, Costs
from benchmarks.words import say
from valgap.document import markdown
from valgap.document.numbers import COUNT, Form
from valgap.document.parts import Document, Part, Section, Table, Terms
from valgap.document.text import Strong

TORCH_OWED, SHARE_OWED = 1.0, 0.7  # of PyTorch's rate; of the roofline, by networks of plain convolutions
RATIO, WHOLE_PERCENT = Form(decimals=2), Form(decimals=0, scale=100, unit="%")


@dataclasses.dataclass(frozen=True)
class Measured:
    """All that the report speaks of.

    `torch` is the version of PyTorch in another interpreter, empty where it is that of this environment. `warning` says
    what makes the numbers poor. `costs` is None where the pipeline was left out; `memory` is in MB. `machine` is as
    machine.described gives it.
    """

    rounds: Sequence[Round]
    raced: Sequence[Raced]
    groups: Mapping[str, Group]
    cores: int
    epochs: int
    machine: Mapping[str, str]
    costs: Costs | None
    memory: Mapping[str, float]
    torch: str
    warning: str | None


def text(measured: Measured) -> str:
    """The report, in Markdown."""
    return markdown.write(build(measured))


def build(measured: Measured) -> Document:
    """The report."""
    rounds, cores = measured.rounds, measured.cores
    lead: list[Part] = [say("how", epochs=measured.epochs, rounds=len(rounds))]
    if measured.warning:
        lead.append(Strong(measured.warning))
    lead += [contestants(rounds, measured.groups, cores), ceiling(rounds, cores), say("settings")]
    took_part = any(name in rounds[0].images for name in PYTORCH)
    whose = ("other" if measured.torch else "own") if took_part else "absent"
    lead.append(say(f"torch.{whose}", version=measured.torch))
    return Document(
        title=say("title"),
        kicker=say("kicker"),
        lead=tuple(lead),
        sections=(
            Section("owed", say("owed.title"), (owed(figures.targets(rounds, cores)),)),
            Section("networks", say("networks.title"), _networks(measured.raced)),
            Section("besides", say("besides.title"), (besides(measured.costs, measured.memory),)),
            Section("machine", say("machine.title"), (Terms(tuple(measured.machine.items())),)),
        ),
    )


def shown(found: Spread, form: Form = COUNT) -> str:
    """`median (lowest–highest)`."""
    return f"{form(found.median)} ({form.bare(found.lowest)}–{form.bare(found.highest)})"


def contestants(rounds: Sequence[Round], groups: Mapping[str, Group], cores: int) -> Table:
    """One row a contestant, those that did not take part among them."""
    rows = []
    roofline, stock = figures.roofline(rounds, cores), figures.of(rounds, "arrays")
    for name, one in CONTESTANTS.items():
        if name not in rounds[0].images:
            rows.append((one.title, say("absent"), "", "", ""))
            continue
        rates, group = figures.of(rounds, name), groups[one.group]
        rows.append(
            (
                one.title,
                f"{group.processes} x {group.threads}",
                shown(figures.spread(rates)),
                shown(figures.ratios(rates, roofline), WHOLE_PERCENT),
                shown(figures.ratios(rates, stock), RATIO),
            )
        )
    return _table("contestants", rows, texts=2)


def ceiling(rounds: Sequence[Round], cores: int) -> str:
    """What the roofline is, in words."""
    rates = {name: figures.spread([one.products[name] / 1e9 for one in rounds]) for name in ("numpy", "tensorflow")}
    alone = [one.products["tensorflow"] * cores for one in rounds]
    return say(
        "ceiling",
        roofline=shown(figures.spread(figures.roofline(rounds, cores))),
        cores=cores,
        rate=shown(figures.spread([figures.core_rate(one) / 1e9 for one in rounds])),
        operations=figures.TRAINING,
        together=shown(figures.ratios([one.together for one in rounds], alone), WHOLE_PERCENT),
        **{name: shown(rate) for name, rate in rates.items()},
    )


def owed(targets: Sequence[Target]) -> Table:
    """One row a target."""
    rows = [
        (
            say(f"owed.what.{target.name}"),
            say("owed.least", owed=f"{target.owed:g}", aimed=target.aimed and f"{target.aimed:g}"),
            shown(target.found, RATIO) if target.found else say("absent"),
            judged(target),
        )
        for target in targets
    ]
    return _table("owed.headings", rows, texts=4)


def _networks(found: Sequence[Raced]) -> tuple[Part, ...]:
    """What users bring, a row a network, and what is owed on it."""
    rows = []
    for each in found:
        network = NETWORKS[each.name]
        stock = Target(each.name, network.owed, None, each.over_stock)
        torch = Target(each.name, TORCH_OWED, None, each.over_torch)
        share = Target(each.name, SHARE_OWED, None, each.share)
        shares = f"{shown(each.share, WHOLE_PERCENT)}: {judged(share)}" if each.share else say("networks.unbound")
        rows.append((
            network.title,
            shown(each.suite),
            shown(each.stock),
            shown(each.torch) if each.torch else say("absent"),
            f"{shown(each.over_stock, RATIO)}, owed {network.owed:g}: {judged(stock)}",
            f"{shown(each.over_torch, RATIO)}: {judged(torch)}" if each.over_torch else judged(torch),
            shown(each.half, RATIO) if each.half else say("networks.emulated"),
            shares,
        ))  # fmt: skip
    if not rows:
        return (say("networks.left_out"),)
    return say("networks.how", passes=PASSES, share=SHARE_OWED), _table("networks.headings", rows, texts=1)


def judged(target: Target) -> str:
    """`reached`, `missed by ...` of what is owed, or `not measured`, by the median."""
    if target.found is None:
        return say("judged.unknown")
    found = target.found.median
    if found < target.owed:
        return say("judged.missed", missed=_missing(found / target.owed))
    if target.aimed is None or found >= target.aimed:
        return say("judged.reached")
    return say("judged.aim_missed", aimed=f"{target.aimed:g}", missed=_missing(found / target.aimed))


def _missing(ratio: float) -> str:
    return WHOLE_PERCENT(1 - ratio) if ratio <= 0.99 else say("little")


def besides(costs: Costs | None, memory: Mapping[str, float]) -> Table:
    """Costs beside training."""
    found = {"memory": say("besides.memory", peak=memory.get("peak"), share=memory.get("share"))}
    if costs is None:
        found["pipeline"] = say("besides.left_out")
    else:
        share, idle, readers = costs.share, costs.idle, costs.readers
        found |= {
            "share": share if isinstance(share, str) else say("besides.share", share=share),
            "added": say("besides.added", added=costs.added),
            "readers": readers if isinstance(readers, str) else say("besides.readers", readers=readers),
            "idle": idle if isinstance(idle, str) else say("besides.idle", idle=shown(idle, RATIO), n=idle.n),
        }
    what = say.all("besides.what", added=ADDED)
    return _table("besides.headings", [(what[name], text) for name, text in found.items()], texts=2)


def _table(headings: str, rows: Sequence[tuple[str, ...]], texts: int) -> Table:
    return Table("", tuple(say.all(headings).values()), tuple(rows), texts=texts, folded=False)
