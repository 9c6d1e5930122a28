"""The review's judgement and text, on numbers worked out by hand, by simulation, and on hostile or huge input."""

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests import samples
from tests.scratch import ROOT
from valgap.document import markdown
from valgap.document.parts import Document, Part
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.schema import ParamsError, parse
from valgap.ground.params.suite import Review
from valgap.pipeline.freshness import Finding
from valgap.pipeline.scratch import only
from valgap.results import sides
from valgap.results.sides import Side
from valgap.review import changes, document, forest, fresh, fresh_block, judge, result, sections, words
from valgap.review.changes import Change, Cost, Variants
from valgap.review.judge import Judged
from valgap.review.result import Compared, Result
from valgap.stats.intervals import Interval
from valgap.stats.measures import MEASURES, Series, primary_measure

REVIEW = Review(primary="test_accuracy", margin=0.02, fail_on=(), tolerance=0, gap_tolerance=0)
NONE = Variants([], [], [], set())


def scores(values: list[float] | np.ndarray, first: int = 0, gap: float = 0.1) -> dict[str, Series]:
    """The same values under every measure, but the gap."""
    rows = {name: {first + r: float(value) for r, value in enumerate(values)} for name in MEASURES}
    return rows | {"gap": {first + r: gap + 0.001 * (r % 3) for r in range(len(values))}}


def gate(rows: Sequence[Judged], review: Review, stale: bool) -> list[str]:
    return words.reasons(judge.reasons(rows, review, stale), review)


def shown(*parts: Part) -> str:
    return markdown.write(Document("T", "", parts, ()))


def judged(head: list[float], base: list[float], review: Review = REVIEW, first: int = 0) -> Judged:
    (row,) = judge.judge(
        {"dropout": scores(head, first)}, {"dropout": scores(base)}, set(), True, review, review.margin
    )
    return row


def test_paired_change_worked_by_hand() -> None:
    """Differences .01, .02, .03: mean .02, sd .01, t(.975, 2) = 4.3027, half width .024842."""
    row = judged([0.71, 0.82, 0.93], [0.70, 0.80, 0.90])
    assert row.contrast is not None
    assert row.paired
    assert row.contrast.interval.mean == pytest.approx(0.02)
    assert row.contrast.interval.low == pytest.approx(0.02 - 4.302653 * 0.01 / math.sqrt(3), abs=1e-6)
    assert row.word == "no change detected"
    assert row.detectable > 0.024842


def test_unpaired_change_worked_by_hand() -> None:
    """Welch: means .8 and .7, variances 1e-4 and 4e-4 over 3 each; se² = 5e-4/3, df = 25/17 * 2."""
    contrast = judge.welch(np.array([0.79, 0.80, 0.81]), np.array([0.68, 0.70, 0.72]), 0.95)
    assert contrast.interval.mean == pytest.approx(0.1)
    assert contrast.standard_error == pytest.approx(math.sqrt(5e-4 / 3))
    assert contrast.df == pytest.approx(25 / 17 * 2)
    row = judged([0.79, 0.80, 0.81], [0.68, 0.70, 0.72], first=6)
    assert not row.paired, "replicates 6-8 are other draws than 0-2"
    assert row.word == "improved"
    assert words.word(row, REVIEW, 0.02) == "improved (unconfirmed)"


@pytest.mark.parametrize(
    ("low", "high", "higher", "expected"),
    [
        (0.001, 0.03, True, "improved"),
        (0.001, 0.03, False, "regressed"),
        (-0.03, -0.001, True, "regressed"),
        (-0.03, -0.001, False, "improved"),
        (-0.01, 0.019, True, "no effect"),
        (-0.01, 0.021, True, "no change detected"),
        (-0.021, 0.01, False, "no change detected"),
        (0.0, 0.03, True, "no change detected"),
        (math.nan, math.nan, True, "unknown"),
    ],
)
def test_word_comes_from_the_interval_and_the_direction(low: float, high: float, higher: bool, expected: str) -> None:
    assert judge.word_for(Interval(12, (low + high) / 2, 0.01, low, high), 0.02, higher) == expected


def test_family_counts_what_is_not_identical_and_the_gap_where_it_gates() -> None:
    assert judge.confidence_of(5, REVIEW) == pytest.approx(0.99)
    assert judge.confidence_of(5, dataclasses.replace(REVIEW, fail_on=("gap_growth",))) == pytest.approx(0.995)
    rng = np.random.default_rng(0)
    head, base = ({name: scores(rng.normal(0.8, 0.01, 6)) for name in ("a", "b", "c")} for _ in range(2))
    rows = judge.judge(head, base, {"c"}, True, REVIEW, 0.02)
    assert [row.word for row in rows if row.variant == "c"] == ["bit-identical"]
    assert {row.contrast.confidence for row in rows if row.contrast} == {0.975}


def test_gate_fires_on_the_bound_and_not_on_the_mean() -> None:
    review = dataclasses.replace(REVIEW, fail_on=("regression",))
    row = judged([0.69, 0.78, 0.87, 0.66], [0.70, 0.80, 0.90, 0.68])  # mean -.02, bound -.02 + .013
    assert row.contrast is not None
    assert row.contrast.interval.high == pytest.approx(-0.02 + 3.182446 * math.sqrt(2 / 3) * 0.01 / 2, abs=1e-5)
    assert gate([row], review, True) == ["regression: `dropout` is at least 0.7 pp worse in test accuracy"]
    assert gate([row], dataclasses.replace(review, tolerance=0.01), True) == []
    assert gate([row], REVIEW, True) == []
    assert gate([], dataclasses.replace(REVIEW, fail_on=("stale",)), True)[0].startswith("stale: ")
    worse = {"dropout": scores([0.9, 0.91, 0.92], gap=0.2)}
    rows = judge.judge(worse, {"dropout": scores([0.9, 0.91, 0.92])}, set(), True, REVIEW, 0.02)
    grown = gate(rows, dataclasses.replace(REVIEW, fail_on=("gap_growth",)), False)
    assert grown == ["gap growth: the gap of `dropout` is at least 10.0 pp larger"]


def test_lower_is_better_for_nll() -> None:
    review = dataclasses.replace(REVIEW, primary="test_nll", fail_on=("regression",))
    row = judged([0.70, 0.81, 0.92], [0.60, 0.70, 0.80], review)
    assert row.word == "regressed"
    assert gate([row], review, False) == ["regression: `dropout` is at least 0.085 nats worse in test NLL"]


@pytest.mark.parametrize("paired", [True, False])
def test_reviews_of_alike_sides_raise_few_false_alarms(paired: bool) -> None:
    """1,000 A/A reviews of the default variants: a word or a failed gate in at most 5%.

    Unpaired: the same code on fresh replicates. Paired: a change of the bits that changes nothing else. A
    replicate's own luck (sd 1 pp) is shared by the variants of a side, 1.5 pp is each run's own.
    """
    names = [name for name in suite.load(ROOT / "params.yaml").variants if name not in exploratory()]
    review = dataclasses.replace(REVIEW, fail_on=("regression", "gap_growth"))
    rng, alarms = np.random.default_rng(20240), 0
    for _ in range(1000):
        sides: list[dict[str, dict[str, Series]]] = [{}, {}]
        luck = rng.normal(0, 0.01, (2, 2, 12))
        for side in (0, 1):
            common = luck[0 if paired else side]
            for name in names:
                drawn = common + rng.normal(0, 0.015, (2, 12))
                first = 0 if paired else 12 * side
                accuracy, gap = ({first + r: float(v) for r, v in enumerate(values)} for values in drawn)
                sides[side][name] = dict.fromkeys(MEASURES, accuracy) | {"gap": gap}
        rows = judge.judge(sides[0], sides[1], set(), True, review, 0.02)
        alarms += any(row.word in ("improved", "regressed") for row in rows) or bool(gate(rows, review, False))
    assert len(names) == 27
    assert 10 <= alarms <= 50


def exploratory() -> tuple[str, ...]:
    return suite.load(ROOT / "params.yaml").exploratory


def test_words_of_a_confirmation() -> None:
    row = judged([0.75, 0.86, 0.97], [0.70, 0.80, 0.90])
    assert words.word(row, REVIEW, 0.02) == "improved (unconfirmed: same seeds)"
    good, _ = judge.compare({9: 0.75, 10: 0.86, 11: 0.97}, {9: 0.70, 10: 0.80, 11: 0.90}, True, 0.95)
    (stands,) = judge.confirm({"dropout": good}, [row], REVIEW)
    assert words.word(stands, REVIEW, 0.02).startswith("improved (confirmed on 3 fresh replicates: +6.0 pp (")
    bad, _ = judge.compare({9: 0.70, 10: 0.86}, {9: 0.71, 10: 0.80}, True, 0.95)
    (falls,) = judge.confirm({"dropout": bad}, [row], REVIEW)
    assert words.word(falls, REVIEW, 0.02).startswith(
        "improvement not confirmed (judged on 2 fresh replicates: +2.5 pp ("
    )
    assert "0 of 1 confirmed" in words.verdict([falls], NONE, REVIEW, stale=False)


def test_would_miss_is_the_detectable_effect() -> None:
    row = judged([0.71, 0.79, 0.90], [0.70, 0.80, 0.90])
    text = words.word(row, REVIEW, 0.02)
    assert text == f"no change detected (would miss falls under {100 * row.detectable:.1f} pp)"
    assert words.word(judged([0.7], [0.8]), REVIEW, 0.02) == "unknown (one replicate)"


NO_CAUSE = dataclasses.replace(samples.VERDICT, causes=())


def side(variants: dict[str, dict], values: dict[str, float], **provenance: Any) -> Side:
    rows = [(name, r, "test", "accuracy", value) for name, value in values.items() for r in (0, 1)]
    results = pd.DataFrame(rows, columns=["variant", "replicate", "split", "metric", "value"])
    known = samples.provenance(
        {name: {"diff": diff, "predictions_md5": {"0": str(values[name])}} for name, diff in variants.items()}
    )
    recalls = pd.DataFrame(
        [(name, 0, "test", "a|b", 10, value) for name, value in values.items()],
        columns=["variant", "replicate", "split", "class", "images", "recall"],
    )
    return Side(results, recalls, dataclasses.replace(known, **provenance), NO_CAUSE)


def test_what_became_of_each_variant() -> None:
    base = side({"baseline": {}, "narrow": {"width": 0.5}, "old": {}}, {"baseline": 0.7, "narrow": 0.6, "old": 0.1})
    head = side({"baseline": {}, "narrow": {"width": 0.4}, "new": {}}, {"baseline": 0.7, "narrow": 0.6, "new": 0.2})
    found = changes.variants(head, base)
    assert found == Variants(added=["new"], removed=["old"], redefined=["narrow"], identical={"baseline"})
    knob = side({"baseline": {}}, {"baseline": 0.7}, train={"width": 1.0, "batch_size": 4, "new_knob": 0})
    assert changes.variants(knob, base).identical == {"baseline"}, "a knob that is new and off redefines nothing"
    assert changes.is_paired(head, base)
    assert not changes.is_paired(side({"baseline": {}}, {"baseline": 0.7}, seed=2), base)
    assert not changes.is_paired(
        side({"baseline": {}}, {"baseline": 0.7}, data=dataclasses.replace(samples.MANIFEST, train_size=6)), base
    )


def test_other_predictions_with_equal_scores_are_not_bit_identical() -> None:
    base = side({"baseline": {}}, {"baseline": 0.7})
    head = side({"baseline": {}}, {"baseline": 0.7})
    head.variants["baseline"] = dataclasses.replace(head.variants["baseline"], predictions_md5={"0": "other"})
    assert changes.variants(head, base).identical == set()


def test_parameters_differ_by_dotted_key() -> None:
    old: dict[str, object] = {"train": {"steps": 1, "a": {"b": [1]}}, "x": {}}
    new: dict[str, object] = {"train": {"steps": 2, "a": {"b": [1]}}, "y": 3}
    expected = (Change("train.steps", 1, 2), Change("x", {}, "–"), Change("y", "–", 3))
    assert changes.parameters(new, old) == expected
    assert "| `x` | `{}` | – |" in shown(*sections.parameters(expected))


def test_costs_and_recalls() -> None:
    base = side({"baseline": {}, "dropout": {}}, {"baseline": 0.7, "dropout": 0.5})
    head = side({"baseline": {}, "dropout": {}}, {"baseline": 0.7, "dropout": 0.4})
    head.variants["dropout"] = dataclasses.replace(head.variants["dropout"], steps=30)
    assert changes.costs(head, base)[0].head == Cost(parameters=5, steps=30, compute=3.0)
    large = dataclasses.replace(head.variants["dropout"], steps=10, diff={"batch_size": 16})  # four times the base's
    head.variants["dropout"] = large
    assert changes.costs(head, base)[0].head.compute == 4.0
    head.variants["dropout"] = dataclasses.replace(large, steps=30, diff={})
    recalls = changes.recalls(head, base, ["dropout"])
    assert [each.change for each in recalls] == pytest.approx([-0.1])
    assert "| `dropout` | `a\\|b` | 50.0% | 40.0% | −10.0 |" in shown(*sections.recalls(recalls))
    assert "| 5 | 10 → 30 | 1.000× → 3.000× |" in shown(*sections.costs(changes.costs(head, base)))


HOSTILE = "x`|@team <img src=//e.org onerror=1>\n# h [a](http://e.org)\u202e"


def hostile_result(**changed: Any) -> Result:
    """A review in which everything that users name is hostile."""
    declared: dict[str, dict[str, Any]] = {HOSTILE: {"d": HOSTILE}, "baseline": {}}
    head, base = (side(declared, {HOSTILE: value, "baseline": 0.1}) for value in (0.7, 0.6))
    found = Compared(base, head, Variants([HOSTILE], [HOSTILE], [HOSTILE], set()), True, 0.02, (review_row(HOSTILE),))
    whole = Result(
        rules=dataclasses.replace(REVIEW, fail_on=("regression", "stale")),
        base=HOSTILE,
        commit="0123456789abcdef" * 2 + "01234567",
        behind=True,
        stale=(Finding(HOSTILE, (HOSTILE,), "cure"),),
        parameters=(Change(HOSTILE, HOSTILE, HOSTILE),),
        compared=found,
    )
    return dataclasses.replace(whole, **changed)


def review_row(name: str) -> Judged:
    return dataclasses.replace(judged([0.59, 0.58, 0.57], [0.70, 0.70, 0.70]), variant=name)


@pytest.mark.parametrize("changed", [{}, {"compared": None, "why": HOSTILE}])
def test_what_users_named_is_no_markup(changed: dict[str, Any]) -> None:
    text = document.comment(hostile_result(**changed), "https://example.org/run")
    assert "`x'\\|@team" in text, "in a cell"
    assert "`x'|@team" in text, "in a sentence"
    assert "\u202e" not in text
    outside = re.sub(r"```text.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    assert "@team" not in outside
    assert "<img" not in outside
    assert "](http://e.org)" not in outside
    assert "[Artifact](https://example.org/run): the whole review" in text
    assert not re.search("^# h", text, re.MULTILINE)


def test_the_comment_says_the_verdict_first_then_the_gate() -> None:
    lines = document.comment(hostile_result()).splitlines()
    assert lines[0].startswith("## Results against `x'|@team")
    assert lines[0].endswith("(`012345678`)")
    assert lines[2].startswith("**Test accuracy regressed: `x'|@team")
    assert lines[2].endswith("1 added; 1 removed; dvc.lock and reports/ are STALE.**")
    assert "**Gate (`regression` and `stale`): failed.**" in lines
    assert sum(line.startswith(("- regression: ", "- stale: ")) for line in lines) == 2
    quiet = dataclasses.replace(hostile_result(), rules=REVIEW)
    assert "Gate" not in document.comment(quiet)


def test_the_verdict_and_the_table_say_the_same_numbers() -> None:
    """Two thirds of a review repeat one interval: the verdict, the table, the chart."""
    text = document.comment(hostile_result())
    interval = review_row("x").contrast.interval  # type: ignore[union-attr]
    mean, low, high = (
        f"{100 * value:+.1f}".replace("-", "−") for value in (interval.mean, interval.low, interval.high)
    )
    assert f"{mean} pp ({low} to {high})" in text.splitlines()[2]
    assert f"| {mean} | {low} to {high} | 3 | 0/3 |" in text
    assert f"┤ {mean}\n" in re.sub(r"[│ ┊]+", " ", text)


def test_freshness_is_a_document_of_its_own() -> None:
    text = markdown.write(fresh.build([Finding("a changed", ("train@a-0",) * 5, "`make repro`, then commit")]))
    assert "| `a changed` | `train@a-0`, `train@a-0`, `train@a-0` and 2 more | `make repro`, then commit |" in text
    assert "| all |" in markdown.write(fresh.build([Finding("dvc.lock is missing", (), "c")]))
    text = markdown.write(fresh.build([]))
    assert "dvc.lock belongs to dvc.yaml" in text
    assert "Not checked: the content of data/prepared/" in text


def many(count: int) -> tuple[Judged, ...]:
    rng = np.random.default_rng(0)
    head, base = (
        {f"a_variant_with_quite_a_long_name_{i}": scores(rng.normal(0.8, 0.02, 12)) for i in range(count)}
        for _ in range(2)
    )
    return judge.judge(head, base, set(), True, REVIEW, 0.02)


def test_five_hundred_variants_fit_a_comment(tmp_path: Path) -> None:
    rows = many(500)
    names = [row.variant for row in rows]
    base = side(
        {name: {"augmentation": "z" * 200} for name in ["baseline", *names]}, dict.fromkeys(["baseline", *names], 0.7)
    )
    found = Compared(base, base, Variants(names, names, names, set()), True, 0.02, rows)
    whole = hostile_result(
        compared=found,
        parameters=tuple(Change(f"variants.v{i}", "x" * 300, "é" * 300) for i in range(500)),
        stale=(Finding("w" * 300, ("s" * 90,) * 500, "cure"),) * 500,
    )
    text = document.comment(whole)
    assert len(text.encode()) <= document.LIMIT
    assert "… and 470 more in `review-full.md`" in text
    assert text.count("<details>") == text.count("</details>") >= 3
    full = markdown.write(document.build(whole, drawn=None), document.WHOLE)
    assert all(full.count(f"`{name}`") >= 2 for name in names), "the artifact has every row"
    assert "more in `review-full.md`" not in full


def test_sections_go_in_the_stated_order_and_the_changes_stay() -> None:
    drops = {section.name: section.drop for section in sections.sections(hostile_result(), None)}
    assert drops["changes"] == 0
    assert sorted(drops, key=drops.__getitem__)[1:3] == ["freshness", "variants"]


def test_an_unwritable_folder_is_an_error_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match=r"--out = .*file cannot be written: .*; name a folder of yours"):
        document.save(hostile_result(), tmp_path / "file")


def test_the_folder_holds_the_comment_the_whole_and_the_picture(tmp_path: Path) -> None:
    document.save(hostile_result(), tmp_path)
    texts = {"review.md", "review-full.md", "review.json", "metrics.txt"}
    assert {path.name for path in tmp_path.iterdir()} == texts | {"forest.svg", "forest.png"}
    assert (tmp_path / "review.md").read_text() == document.comment(hostile_result())
    assert "Change of test accuracy" in (tmp_path / "forest.svg").read_text()


def test_chart_marks_zero_margin_and_interval() -> None:
    row = judged([0.75, 0.86, 0.97], [0.70, 0.80, 0.90])
    lines = forest.text([row], MEASURES["test_accuracy"], 0.02).splitlines()
    assert re.fullmatch(r"dropout ┊ +│ +├─+●─+┤ \+6\.0|dropout ┊ .*├─+●─+┤ \+6\.0", lines[0])
    assert len(lines[0].removesuffix(" +6.0")) == len("dropout ") + forest.WIDTH
    assert lines[-1].endswith("pp")
    assert "0.0" in lines[-1]
    assert forest.text([Judged("same", "bit-identical")], MEASURES["test_accuracy"], 0.02) == ""


def test_settings_are_checked() -> None:
    assert suite.load(ROOT / "params.yaml").review.fail_on == ()
    good = {"primary": "test_nll", "margin": 0.1, "fail_on": ["stale"], "tolerance": 0, "gap_tolerance": 0}
    assert parse(Review, good, "review").fail_on == ("stale",)
    for key, value in (("primary", 1), ("margin", 0), ("fail_on", ["always"]), ("tolerance", -1)):
        with pytest.raises(ParamsError, match=f"review.{key}"):
            parse(Review, good | {key: value}, "review")
    assert primary_measure(parse(Review, good, "review")).metric == "nll"
    for name in ("train_accuracy", "gap", "speed"):
        with pytest.raises(ParamsError, match=rf"review.primary = '{name}' is not a score .*allowed: test_accuracy, "):
            primary_measure(parse(Review, good | {"primary": name}, "review"))


def test_fresh_block_is_beyond_both_sides() -> None:
    head, base = (side({"baseline": {}}, {"baseline": 0.7}) for _ in range(2))
    head.results["replicate"] = [11, 3]
    assert fresh_block.fresh_block(head, base, (6, 6), 1) == 2
    assert fresh_block.fresh_block(head, base, (6, 6), 3) == 4
    params = {"variants": {"baseline": {}, "a": {"x": 1}}, "split": {"blocks": [0]}, "causes": {"c": 1}, "extra": {}}
    narrowed = only(params, ["a"], 7)
    assert narrowed["split"] == {"blocks": [7]}
    assert narrowed["variants"] == {"baseline": {}, "a": {"x": 1}}
    assert narrowed["causes"] == {}


@pytest.mark.parametrize("sizes", [(6, 2), (2, 6), (1, 5), (4, 4)])
def test_fresh_block_is_fresh_whatever_the_block_sizes(sizes: tuple[int, int]) -> None:
    """Base with blocks of 2 and replicates 0 to 11, head with 6: block 2 of the base would be its old 4 and 5."""
    head, base = (side({"baseline": {}}, {"baseline": 0.7}) for _ in range(2))
    head.results["replicate"], base.results["replicate"] = [0, 5], [3, 11]
    for attempt in (1, 2):
        block = fresh_block.fresh_block(head, base, sizes, attempt)
        assert all(block * size > 11 for size in sizes)


@pytest.mark.parametrize("params", [{}, {"split": None}, {"split": {"blocks": [0]}}, {"split": {"block_size": "six"}}])
def test_a_base_that_does_not_say_how_large_its_blocks_are_is_named(
    params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = suite.load(ROOT / "params.yaml").review
    of_base = Result(rules, "main", "c0ffee", behind=False, stale=(), parameters=(), compared=None)
    monkeypatch.setattr(sides, "read_params", lambda read: params)
    with pytest.raises(SuiteError, match=r"params\.yaml of main: split\.block_size = .*--confirm needs a number"):
        result.block_size_of(of_base)
