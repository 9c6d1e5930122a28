"""Both writers over one document: what users name is text in each, and each shows what the other does."""

import html.parser
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from valgap.document import html as page
from valgap.document import markdown
from valgap.document.markdown import Style
from valgap.document.parts import (
    Code,
    Document,
    Example,
    Fold,
    Gallery,
    Item,
    Items,
    Link,
    Part,
    Picture,
    Section,
    Table,
    Terms,
)
from valgap.document.text import Strong, joined, named

HOSTILE = "</script><img src=x onerror=alert(1)> [a](http://b) @me *x* | `rm` ~~y~~ $z$ www.evil.com\n# h\x00"
TABLE = Table("Counts of `x`.", ("what", "n"), ((named(HOSTILE), "1"), ("b|c", "2")))


def document(*parts: Part) -> Document:
    lead = ("First.", Strong("Bold."))
    return Document("A `title`", "kicker", lead, (Section("one", "One", parts),))


EVERYTHING = document(
    f"A paragraph about {named(HOSTILE)} and {HOSTILE}",
    Terms((("term", "meaning"), (named(HOSTILE), HOSTILE))),
    Items((Item("text"), Item("found it", title="Title", badge="problem", anchor="inner"))),
    Code("a: 1\n```\nb: 2\n", "yaml"),
    Link("Artifact", "https://example.org/a b", ": all of it."),
    TABLE,
    Gallery((Example("caption", (Picture("iVBORw0KGgo=", "name.png", "cat, val"),)),)),
    Fold("More", ("inside",)),
    Section("inner", "Inner", ("deep",), badge="worth a look"),
)  # fmt: skip


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    return parser.found


def rendered(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


def test_what_users_name_is_text_in_both() -> None:
    text = rendered(markdown.write(EVERYTHING))
    assert not {tag for tag, _ in tags(text)} & {"script", "img", "s", "em"}
    assert [attrs["href"] for tag, attrs in tags(text) if tag == "a"] == ["https://example.org/a%20b"]
    found = tags(page.write(EVERYTHING))
    assert [attrs for tag, attrs in found if tag == "script"] == []
    assert all(str(attrs.get("src", "")).startswith("data:image/png;base64,") for tag, attrs in found if tag == "img")


@given(st.text(max_size=40))
def test_no_text_becomes_markup(text: str) -> None:
    shown = rendered(f"x {markdown.inline(text)}")
    assert {tag for tag, _ in tags(shown)} <= {"p", "code"}
    assert {tag for tag, _ in tags(rendered(f"x {markdown.inline(named(text))}"))} <= {"p", "code"}
    assert {tag for tag, _ in tags(str(page.marked(text)))} <= {"code"}


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00`", exclude_categories=["Cc"])))
def test_markdown_of_any_text_is_that_text(text: str) -> None:
    parser = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    tokens = parser.parse(f"| a |\n| --- |\n| {markdown.inline(text, cell=True)} |\n")
    assert [token.type for token in tokens if token.type == "td_open"] == ["td_open"]
    found = [child for token in tokens for child in token.children or []]
    assert {token.type for token in found} <= {"text", "text_special"}
    assert "".join(token.content for token in found)[1:] == " ".join(text.split())


def test_links_are_not_made_of_names() -> None:
    assert markdown.inline("http://x.yz www.x.yz a@b.cd") == "http\\://x.yz www\\.x.yz a\\@b.cd"


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_cell_never_breaks_its_row(first: str, second: str) -> None:
    table = Table("", ("a", "b"), ((first, named(second)), ("1", "2")), texts=2)
    shown = tags(rendered(markdown.table(table)))
    assert sum(tag == "td" for tag, _ in shown) == 4
    assert sum(tag == "tr" for tag, _ in shown) == 3


def test_both_say_the_same_words() -> None:
    plain = re.sub(r"<[^>]+>", " ", page.write(EVERYTHING).split("</style>")[1])
    for words in ("First.", "Bold.", "term", "meaning", "found it", "Counts of", "inside", "deep", "worth a look"):
        assert words in plain
        assert words in markdown.write(EVERYTHING)


def test_long_tables_are_cut_and_say_so() -> None:
    table = Table("Rows.", ("a",), tuple((str(row),) for row in range(50)))
    text = markdown.write(document(table), Style(rows=30, open_rows=8, rest="`full.md`"))
    assert text.count("\n| ") == 32
    assert "… and 20 more in `full.md`." in text
    assert "<details><summary>Rows.</summary>" in text
    assert "<summary>Rows.</summary>" in page.write(document(table))


def test_sections_are_dropped_by_their_turn_and_named() -> None:
    sections = tuple(Section(f"s{drop}", f"Title {drop}", ("words " * 50,), drop=drop) for drop in (0, 1, 2))
    whole = Document("T", "", ("lead",), sections)
    text = markdown.write(whole, Style(limit=800, rest="`full.md`"))
    assert "## Title 0" in text
    assert "## Title 2" not in text
    assert "Left out to keep this short: title 2; see `full.md`." in text
    short = markdown.write(whole, Style(limit=300, rest="`full.md`"))
    assert short.endswith("… cut here.\n")
    assert len(short.encode()) <= 300
    assert "lead" in short


def test_a_page_without_charts_runs_nothing() -> None:
    text = page.write(EVERYTHING)
    assert "script-src 'none'" in unescape(text)
    assert "<script" not in text
    assert "worth-a-look" in text
    assert '<a href="#inner">Title</a>' in text


def test_unknown_parts_and_crooked_tables_are_refused() -> None:
    with pytest.raises(TypeError, match="no part of a document: int"):
        markdown.write(document(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has 1 cells under 2 headings"):
        Table("t", ("a", "b"), (("1",),))


def test_names_in_a_row() -> None:
    assert joined([]) == ""
    assert joined(["a"]) == "`a`"
    assert joined(["a", "b", "c`d"]) == "`a`, `b` and `c'd`"
    assert named("") == "–"
    assert named("x" * 100, 10) == "`" + "x" * 9 + "…`"
