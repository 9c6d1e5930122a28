import base64
import dataclasses
import hashlib
import html.parser
import json
import os
import re
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from tests.report.page_sample import POLICY, sample
from tests.report.page_sample import page as written
from tests.report.situations import situations
from tests.scratch import ROOT
from valgap.document import figures, markdown
from valgap.document.html import marked, script_json
from valgap.document.numbers import Form
from valgap.document.parts import Figure, Table
from valgap.ground import paths
from valgap.report import document, frames, inputs
from valgap.report.document import build
from valgap.report.inputs import Inputs
from valgap.report.stage import STYLE
from valgap.report.suspects import causes
from valgap.results.tables import parse_table

HOSTILE = "<img src=x onerror=alert(1)>"
LARGEST = 5_000_000  # bytes
VOID = {"meta", "link", "img", "br"}


class Page(html.parser.HTMLParser):
    """What a browser would see: tags with attributes, visible text, and the data blocks by id."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.visible: list[str] = []
        self.blocks: dict[str, str] = {}
        self.figures: list[dict[str, Any]] = []
        self.open: list[str] = []
        self.last: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.last = {name: value or "" for name, value in attributes}
        self.tags.append((tag, self.last))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "figure":
            self.figures.append({"labels": [], "tables": 0, "text": ""})
        if "figure" in self.open:
            self.figures[-1]["tables"] += tag == "table"
            if self.last.get("role") == "img":
                self.figures[-1]["labels"].append(self.last["aria-label"])

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.blocks[self.last.get("id", self.open[-1])] = data
            return
        self.visible.append(data)
        if "figure" in self.open:
            self.figures[-1]["text"] += data

    @property
    def text(self) -> str:
        return " ".join(self.visible)


def with_tables(inputs: Inputs, **tables: pd.DataFrame) -> Inputs:
    return dataclasses.replace(inputs, tables=inputs.tables | tables)


def words_of_nothing(page: Page) -> list[str]:
    attributes = [value for _, found in page.tags for name, value in found.items() if name != "content"]
    return re.findall(r"\b(?:nan|None|null|NaN|NaT|undefined)\b", " ".join([page.text, *attributes]))


@pytest.fixture(scope="module")
def rendered() -> str:
    return written(sample())


@pytest.fixture(scope="module")
def page(rendered: str) -> Page:
    return Page(rendered)


def test_loads_nothing_from_the_network(rendered: str, page: Page) -> None:
    assert len(rendered.encode()) < LARGEST
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "#")[:1] == "#" or attributes[name].startswith("data:"), (tag, attributes)
    assert not re.search(r"@import|url\(", page.blocks["style"])
    policy = next(found["content"] for _, found in page.tags if found.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy


def test_content_policy_allows_exactly_the_scripts_of_the_page(page: Page) -> None:
    policy = next(found["content"] for _, found in page.tags if found.get("http-equiv"))
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    runnable = [page.blocks["vega"], page.blocks["script"]]
    digests = [hashlib.sha256(text.encode()).digest() for text in runnable]
    assert sorted(allowed) == sorted(base64.b64encode(digest).decode() for digest in digests)


def test_figures_have_text_alternatives_and_tables(page: Page) -> None:
    assert len(page.figures) >= 8
    for figure in page.figures:
        assert figure["labels"]
        assert all(len(label) > 10 for label in figure["labels"])
        assert figure["tables"] >= 1
    charts = {found["data-spec"] for _, found in page.tags if "data-spec" in found}
    assert len(charts) == sum(len(figure["labels"]) for figure in page.figures)
    assert charts <= set(page.blocks)


def test_numbers_of_the_forest_plot_are_in_its_table(page: Page) -> None:
    rows, signed = frames.effects(sample()), Form(signed=True)
    assert list(rows.label) == [
        "double_data", "narrow (chosen crosswise)", "narrow", "wide", "dropout (chosen crosswise)", "dropout",
        "long_tail",
    ]  # fmt: skip
    assert [row.word for row in rows.itertuples() if row.is_cause] == ["contributes", "inconclusive"]
    forest = page.figures[1]["text"]
    for row in rows.itertuples():
        for value in (row.mean, row.low, row.high):
            assert signed(value) in forest
    drawn = [
        point
        for data in json.loads(page.blocks["spec-differences"])["datasets"].values()
        for point in data
        if "role" in point
    ]
    assert {point["mean"] for point in drawn} == set(rows["mean"])


def test_one_arm_never_carries_a_word_and_causes_carry_that_of_the_first_screen() -> None:
    """`none` was once *contributes materially* and *inconclusive* in one report."""
    given = sample()
    rows = frames.effects(with_tables(given, contrasts=given.tables["contrasts"].assign(verdict="helps")))
    assert all(bool(row.word) == row.is_cause for row in rows.itertuples())
    words = {entry.cause: entry.verdict for entry in given.verdict.causes}
    assert {row.cause: row.word for row in rows.itertuples() if row.is_cause}.items() <= words.items()
    assert list(rows[~rows.is_cause].variant.value_counts()) == [1] * len(given.variants[1:])


def test_arms_stand_under_their_direction_of_the_cause() -> None:
    rows = frames.effects(sample()).set_index("label")
    assert rows.loc["wide", "title"] == "too little capacity"
    assert rows.loc["narrow", "title"] == "excess capacity"


def test_remedies_have_intervals_of_their_own_and_say_which_may_be_the_best() -> None:
    text = markdown.write(build(sample()), STYLE)
    assert "| `dropout` | may be the best | 4 | +1.0 (+0.0 to +2.0) |" in text
    assert "may be the best" not in markdown.write(build(sample(remedy=None)), STYLE).replace("those that may be", "")


def test_the_effect_after_another_cause_is_in_a_table_and_in_no_plot() -> None:
    given = sample()
    rows = given.tables["contrasts"]
    one = rows[(rows.variant == "dropout") & (rows.role == "exploratory")].assign(role="after", against="narrow")
    changed = with_tables(given, contrasts=pd.concat([rows, one], ignore_index=True))
    assert "| insufficient regularization | `dropout` | `narrow` | 4 |" in markdown.write(build(changed), STYLE)
    assert len(frames.effects(changed)) == len(frames.effects(given))


def test_hostile_names_are_text(page: Page) -> None:
    names = (HOSTILE, "</script><script>alert(1)</script>", "bag")
    text = written(sample(classes=names, rename={"dropout": HOSTILE}))
    parsed = Page(text)
    assert [tag for tag, _ in parsed.tags].count("script") == [tag for tag, _ in page.tags].count("script")
    assert not [found for _, found in parsed.tags if "onerror" in found or found.get("src") == "x"]
    assert HOSTILE in parsed.text


def test_first_screen_has_no_p_value_and_one_picture(rendered: str) -> None:
    first = rendered[rendered.index("<header>") : rendered.index("</header>")]
    assert first.count("<figure") == 1
    assert 'data-spec="spec-shortfall"' in first
    assert not re.search(r"\bp\b ?[<=]", Page(first).text)
    assert "Best remedy: <code>dropout</code>" in first


@pytest.mark.parametrize(
    "arguments",
    [
        {"judged": False, "remedy": None},
        {"remedy": None},
        {"n": 1},
        {"n": 1, "remedy": None, "judged": False},
        {"variants": ("baseline", "dropout")},
        {"variants": ("baseline",), "remedy": None},
        {"variants": ("baseline", "unassigned"), "remedy": None},
    ],
    ids=str,
)
def test_renders_with_little_to_show(arguments: dict[str, Any]) -> None:
    given = sample(**arguments)
    parsed = Page(written(given))
    assert words_of_nothing(parsed) == []
    if arguments.get("n") == 1:
        assert "n/a" in parsed.text
    for figure in figures.figures(build(given)):
        assert figures.chart(figure).to_dict()
    assert not re.search(r"\b(?:nan|None|NaN)\b", markdown.write(build(given)))


@pytest.mark.parametrize("name", situations())
def test_every_situation_renders_whole(name: str) -> None:
    given = situations()[name]
    parsed = Page(written(given))
    assert words_of_nothing(parsed) == []
    first = next(figure for figure in figures.figures(build(given)) if figure.name == "shortfall")
    assert figures.chart(first).to_dict()


def test_missing_cells_are_said_to_be_missing(page: Page) -> None:
    assert words_of_nothing(page) == []
    given = sample(n=1)
    missing = {"cause": float("nan"), "kind": float("nan"), "verdict": None, "wins": None}
    content = given.tables["contrasts"].assign(**missing).to_csv(index=False).encode()
    parsed = Page(written(with_tables(given, contrasts=parse_table(paths.CONTRASTS, content))))
    assert words_of_nothing(parsed) == []


def test_names_no_time(rendered: str) -> None:
    without_vega = rendered[: rendered.index('id="vega"')]
    assert not re.search(r"\d\d:\d\d:\d\d", without_vega)


def test_same_inputs_give_the_same_bytes_in_another_process(rendered: str) -> None:
    script = (
        "import hashlib; from tests.report.page_sample import page, sample;"
        "print(hashlib.sha256(page(sample()).encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == hashlib.sha256(rendered.encode()).hexdigest()


def test_text_is_escaped_before_code_is_marked() -> None:
    assert str(marked("a `<b>` c")) == "a <code>&lt;b&gt;</code> c"
    assert str(marked("un`balanced <i>")) == "un`balanced &lt;i&gt;"


def test_rows_of_a_table_have_a_cell_for_every_heading() -> None:
    with pytest.raises(ValueError, match="1 cells under 2 headings"):
        Table("counts", ("class", "images"), (("bag",),))


def test_script_json_cannot_end_its_element() -> None:
    text = str(script_json({"name": "</script><!-- &"}))
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": "</script><!-- &"}
    with pytest.raises(ValueError, match="JSON"):
        script_json([float("nan")])


@pytest.mark.parametrize("figure", figures.figures(build(sample(n=1))), ids=lambda figure: figure.name)
def test_marks_between_two_limits_have_both(figure: Figure) -> None:
    for panel in figure.panels:
        specification = panel.chart.to_dict()
        for layer in layers(specification):
            ends = [layer["encoding"][end] for end in ("x2", "y2") if end in layer.get("encoding", {})]
            for row in specification["datasets"][layer["data"]["name"]] if ends else []:
                assert all(row[end["field"]] is not None for end in ends), row


def layers(specification: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [part for key in ("layer", "concat", "hconcat") for part in specification.get(key, [])]
    inherited = {key: specification[key] for key in ("data", "encoding") if key in specification}
    return [inherited | part for nested in parts for part in layers(inherited | nested)] or [specification]


def test_every_section_is_in_both_reports() -> None:
    whole = build(sample())
    text, page = markdown.write(whole), written(sample())
    assert [section.name for section in whole.sections] == [section.__name__ for section in document.SECTIONS]
    for section in whole.sections:
        assert f"\n## {section.title}\n" in text
        assert f'<section id="{section.name}"' in page
        assert f'<a href="#{section.name}">' in page


def test_how_a_folder_was_read_is_said_over_its_counts() -> None:
    given = sample()
    said = "`training` holds the training images."
    data = dataclasses.replace(given.provenance.data, said=(said,))
    told = dataclasses.replace(given, provenance=dataclasses.replace(given.provenance, data=data))
    assert said in markdown.write(build(told)).partition("\n## The data\n")[2].partition("\n## ")[0]
    assert said not in markdown.write(build(given))


def test_every_figure_is_a_picture_of_report_md_and_has_a_name_of_its_own() -> None:
    whole = build(sample())
    names = [figure.name for figure in figures.figures(whole)]
    assert len(names) == len(set(names))
    assert {"shortfall", "accuracy_and_gap", "differences", "learning_curves_accuracy", "learning_curves_nll"} <= set(
        names
    )
    assert {"dose_response", "reliability", "confusion_matrix"} <= set(names)
    shown = re.findall(r"!\[.*\]\(figures/(\w+)\.svg\)", markdown.write(whole, STYLE))
    assert shown == names
    panels = [panel.name for figure in figures.figures(whole) for panel in figure.panels]
    assert len(panels) == len(set(panels))


def test_results_and_contrasts_are_open_and_the_numbers_of_other_figures_folded_in_markdown() -> None:
    text = re.sub(r"<details>.*?</details>", "", markdown.write(build(sample()), STYLE), flags=re.DOTALL)
    assert "| 1 `baseline` | 99.0 (98.0 to 100.0) | 81.0 (80.0 to 82.0) |" in text
    assert "| excess capacity | `narrow` | contributes | 4 | +2.0 (+1.0 to +3.0) |" in text
    assert "| `long_tail` | class imbalance | injects | 4 | −8.0 (−9.0 to −7.0) |" in text
    assert "| confidence from (%) |" not in text
    assert "training acc" not in text


def test_one_report_says_one_thing_in_one_word() -> None:
    """The word of a cause is that of the first screen, wherever it is shown."""
    given = sample()
    rows = {row[0]: str(row[1]) for row in causes(given).rows}
    for row in frames.effects(given).itertuples():
        assert not row.is_cause or rows[row.title] == row.word
    assert not re.search(r"\bharms\b", markdown.write(build(given)))


@pytest.mark.parametrize(
    ("baseline", "diff"), [({}, {"augmentation": POLICY}), ({"augmentation": POLICY}, {})], ids=str
)
def test_a_policy_of_the_baseline_counts_as_trained_with(baseline: dict[str, Any], diff: dict[str, Any]) -> None:
    given = sample(("baseline", "dropout"))
    found, none = given.provenance, {"augmentation": {"zoom": 0.0}}
    variants = {
        "baseline": dataclasses.replace(found.variants["baseline"], diff={}),
        "dropout": dataclasses.replace(found.variants["dropout"], diff=diff),
    }
    provenance = dataclasses.replace(found, train=found.train | none | baseline, variants=variants)
    rows = frames.policies(dataclasses.replace(given, provenance=provenance))
    own = {(row.variant, row.policy) for row in rows.itertuples() if row.own}
    assert own == {("dropout", "source")} | ({("baseline", "source")} if baseline else set())


def test_no_policy_is_trained_with_where_augmentation_is_off() -> None:
    given = sample(("baseline", "dropout"))
    verdict = dataclasses.replace(given.verdict, policies={"source": {"zoom": 0.0}})
    rows = frames.policies(dataclasses.replace(given, verdict=verdict))
    assert not rows[rows.variant == "baseline"].own.any()


def test_names_that_look_like_numbers_or_nothing_are_names() -> None:
    given = sample(classes=("0", "1", "NA"), rename={"narrow": "1e3"})
    read = {}
    for path in inputs.FILES:
        content = given.tables[path.stem].to_csv(index=False).encode()
        read[path.stem] = parse_table(path, content)
    text = markdown.write(build(dataclasses.replace(given, tables=read)), STYLE)
    assert "| `1e3` |" in text
    assert "\n| 0 | `baseline` | 20 |" in text
    assert "\n| NA | `baseline` | 20 |" in text
    assert "| actual | 0 | 1 | NA |" in text
