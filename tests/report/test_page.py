import base64
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

from tests.report.page_sample import sample
from tests.scratch import ROOT
from valgap.document.numbers import number
from valgap.document.parts import Table, marked, script_json
from valgap.report import frames
from valgap.report.charts.charts import CHARTS
from valgap.report.page import render_html

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


def words_of_nothing(page: Page) -> list[str]:
    attributes = [value for _, found in page.tags for name, value in found.items() if name != "content"]
    return re.findall(r"\b(?:nan|None|null|NaN|NaT|undefined)\b", " ".join([page.text, *attributes]))


@pytest.fixture(scope="module")
def rendered() -> str:
    return render_html(*sample())


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
    tables, _, verdict, *_ = sample()
    rows = frames.effects(tables["contrasts"], verdict)
    assert len(rows) == 5
    assert [row.word for row in rows.itertuples() if row.confirmatory] == ["removing it harms", "contributes", "helps"]
    forest = page.figures[0]["text"]
    for row in rows.itertuples():
        for value in (row.mean, row.low, row.high):
            assert number(value, "{:+.1f}") in forest
    drawn = [
        point
        for data in json.loads(page.blocks["spec-forest"])["datasets"].values()
        for point in data
        if "role" in point
    ]
    assert {point["mean"] for point in drawn} == set(rows["mean"])


def test_only_confirmatory_rows_carry_words() -> None:
    tables, _, verdict, *_ = sample()
    rows = frames.effects(tables["contrasts"].assign(verdict="helps"), verdict)
    assert all(bool(row.word) == row.confirmatory for row in rows.itertuples())


def test_hostile_names_are_text(page: Page) -> None:
    names = (HOSTILE, "</script><script>alert(1)</script>", "bag")
    text = render_html(*sample(classes=names, rename={"dropout": HOSTILE}))
    parsed = Page(text)
    assert [tag for tag, _ in parsed.tags].count("script") == [tag for tag, _ in page.tags].count("script")
    assert not [found for _, found in parsed.tags if "onerror" in found or found.get("src") == "x"]
    assert HOSTILE in parsed.text


def test_first_screen_has_no_p_value_and_no_figure(rendered: str) -> None:
    first = rendered[rendered.index("<header>") : rendered.index("</header>")]
    assert "<figure" not in first
    assert not re.search(r"\bp\b ?[<=]", Page(first).text)
    assert "<code>dropout</code> raises" in first


@pytest.mark.parametrize(
    "arguments",
    [
        {"confirmatory": False, "remedy": None},
        {"remedy": None},
        {"n": 1},
        {"n": 1, "remedy": None, "confirmatory": False},
        {"variants": ("baseline", "dropout")},
        {"variants": ("baseline",), "remedy": None},
        {"variants": ("baseline", "unassigned"), "remedy": None},
    ],
    ids=str,
)
def test_renders_with_little_to_show(arguments: dict[str, Any]) -> None:
    given = sample(**arguments)
    parsed = Page(render_html(*given))
    assert words_of_nothing(parsed) == []
    if arguments.get("n") == 1:
        assert "n/a" in parsed.text
    for chart in CHARTS.values():
        assert chart(given[0], given[2]).to_dict()


def test_missing_cells_are_said_to_be_missing(page: Page) -> None:
    assert words_of_nothing(page) == []
    tables, provenance, verdict, screen, audit = sample(n=1)
    missing = {"cause": float("nan"), "kind": float("nan"), "verdict": None, "wins": None}
    contrasts = tables["contrasts"].assign(
        **{name: pd.Series([value] * len(tables["contrasts"]), dtype=object) for name, value in missing.items()}
    )
    contrasts["cause"] = contrasts["cause"].fillna("")
    parsed = Page(render_html(tables | {"contrasts": contrasts}, provenance, verdict, screen, audit))
    assert words_of_nothing(parsed) == []


def test_names_no_commit_and_no_time(rendered: str) -> None:
    assert "c0ffee5eed5c0ffee5eed5" not in rendered
    without_vega = rendered[: rendered.index('id="vega"')]
    assert not re.search(r"\d\d:\d\d:\d\d", without_vega)


def test_same_inputs_give_the_same_bytes_in_another_process(rendered: str) -> None:
    script = (
        "import hashlib; from valgap.report.page import render_html; from tests.report.page_sample import sample;"
        "print(hashlib.sha256(render_html(*sample()).encode()).hexdigest())"
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


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_marks_between_two_limits_have_both(name: str) -> None:
    tables, _, verdict, *_ = sample(n=1)
    specification = CHARTS[name](tables, verdict).to_dict()
    for layer in layers(specification):
        ends = [layer["encoding"][end] for end in ("x2", "y2") if end in layer.get("encoding", {})]
        for row in specification["datasets"][layer["data"]["name"]] if ends else []:
            assert all(row[end["field"]] is not None for end in ends), row


def layers(specification: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [part for key in ("layer", "concat", "hconcat") for part in specification.get(key, [])]
    inherited = {key: specification[key] for key in ("data", "encoding") if key in specification}
    return [inherited | part for nested in parts for part in layers(inherited | nested)] or [specification]
