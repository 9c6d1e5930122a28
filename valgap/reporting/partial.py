"""A report on the cells that are trained by now: the stages' own evaluation and diagnosis of a smaller experiment.

Reads params.yaml, data/prepared/, runs/ and reports/audit.json; writes reports/partial.html, and all else in a folder
that is removed.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from valgap import diagnose, evaluate
from valgap.costs.timings import done_cells
from valgap.data.prepared import load_suite
from valgap.document import html
from valgap.ground import paths
from valgap.ground.calls import call
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.ground.params.arms import KINDS
from valgap.ground.params.schema import read_yaml
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.records import Plain
from valgap.report.document import build
from valgap.report.inputs import read
from valgap.stats.hypotheses import causes_of, with_more_steps
from valgap.stats.verdict import CauseEntry, Untested

Cells = set[tuple[str, int]]


def make() -> str:
    """Write the report on what is trained; where it is, and of how much. Raises SuiteError where that is too little."""
    params, root = load_suite(), Path.cwd()
    every = {(name, block) for name, blocks in params.cells.items() for block in blocks}
    done = done_cells(params, params.cells)
    smaller = experiment(read_yaml(paths.PARAMS), done)
    with tempfile.TemporaryDirectory(prefix="valgap-") as scratch, contextlib.chdir(scratch):
        _lay_down(root, smaller)
        with contextlib.redirect_stdout(None):
            evaluate.main()
            diagnose.main()
        found = read()
    settled = dataclasses.replace(found.verdict, causes=tuple(unsettled(found.verdict.causes, params, done)))
    page = html.write(build(dataclasses.replace(found, verdict=settled, trained=(len(done), len(every)))))
    write_whole(paths.PARTIAL, page)
    return f"wrote {paths.PARTIAL}, of {len(done)} of {len(every)} cells; {call('repro')} trains the others"


def main() -> None:
    """Make the page and say where it is."""
    print(make(), flush=True)


def unsettled(causes: Iterable[CauseEntry], params: Suite, done: Cells) -> Iterator[CauseEntry]:
    """The causes; none is acquitted while an arm that may yet help is not trained."""
    trained = {name for name, _ in done}
    for entry in causes:
        arms = _arms_against(entry.cause, params)
        waiting = [arm for arm in arms if arm in params.cells and arm not in trained]
        if waiting and entry.verdict == "not to blame":
            why = f"So far nothing helps; of its {len(arms)} arms {', '.join(waiting)} are still to be trained"
            yield Untested(cause=entry.cause, title=entry.title, verdict="not tested", why=why)
        else:
            yield entry


def _arms_against(name: str, params: Suite) -> tuple[str, ...]:
    """Arms that remove a cause or, of its opposite, oppose it; and what these are with more steps."""
    listed = [
        arm for arm, (cause, kind) in causes_of(params).items() if cause == name and kind in ("removes", "opposes")
    ]
    more = (with_more_steps(params, params.cells, arm) for arm in listed if arm in params.cells)
    return tuple(dict.fromkeys([*listed, *(arm for arm in more if arm)]))


def experiment(raw: Plain, done: Cells) -> Plain:
    """params.yaml of the trained cells alone: those in the baseline's first block, and what they have beyond it.

    Raises SuiteError where no block of the baseline is trained.
    """
    blocks = sorted(block for name, block in done if name == BASELINE)
    if not blocks:
        raise SuiteError(
            f"nothing can be reported yet: of {len(done)} trained cells none is of the baseline; wait, or call "
            f"{call('repro')}"
        )
    diffs = (raw.get("variants") or {}) | (raw.get("exploratory") or {})
    kept = {name: diff for name, diff in diffs.items() if (name, blocks[0]) in done}
    extra = [{"variant": name, "block": block} for name in kept for block in blocks[1:] if (name, block) in done]
    causes = {name: _known(arms or {}, kept) for name, arms in (raw.get("causes") or {}).items()}
    split = (raw.get("split") or {}) | {"blocks": blocks[:1], "exploratory_blocks": []}
    return raw | {
        "split": split,
        "variants": kept,
        "exploratory": {},
        "extra": {f"{cell['variant']}_{cell['block']}": cell for cell in extra},
        "causes": {name: arms for name, arms in causes.items() if any(arms.get(kind) for kind in KINDS)},
    }


def _known(arms: Plain, kept: Plain) -> Plain:
    """A cause's entry without arms that are not trained. Remedies are compared with what injects."""
    found = {key: _trained(value, kept) if key in KINDS else value for key, value in arms.items()}
    strengths = {name: _trained(listed, kept) for name, listed in (arms.get("strengths") or {}).items()}
    found |= {"strengths": {name: listed for name, listed in strengths.items() if listed}}
    return found if found.get("injects") else {key: value for key, value in found.items() if key != "remedies"}


def _trained(listed: Any, kept: Plain) -> Any:
    return [name for name in listed if name in kept] if isinstance(listed, list) else listed


def _lay_down(root: Path, raw: Plain) -> None:
    """Lay down what the stages read, in the current folder."""
    paths.PARAMS.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    paths.REPORTS.mkdir()
    (paths.REPORTS / paths.AUDIT.name).write_bytes((root / paths.AUDIT).read_bytes())
    cells = [(name, raw["split"]["blocks"][0]) for name in raw["variants"]]
    cells += [(cell["variant"], cell["block"]) for cell in raw["extra"].values()]
    links = [paths.PREPARED, *(paths.run_folder(*cell) for cell in cells), *_symptoms(root, raw)]
    for path in links:
        if (root / path).exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(root / path)


def _symptoms(root: Path, raw: Plain) -> list[Path]:
    """What is known of the user's own run, by files that params.yaml names relative to its folder."""
    named = [Path(str(file)) for file in ((raw.get("symptom") or {}).get("files") or {}).values() if file]
    return [paths.SEEN, *(path for path in named if not path.is_absolute() and (root / path).exists())]
