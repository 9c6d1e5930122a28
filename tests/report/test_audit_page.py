import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.report.page_sample import sample
from tests.report.test_page import Page
from tests.samples import audit_of
from valgap.document.markdown import inert
from valgap.findings.finding import Example, Severity
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.report import stage
from valgap.report.audit import audit_markdown, data_audit
from valgap.report.page import render_html
from valgap.results.audit import read_audit, write_audit

HOSTILE = "<img src=x onerror=alert(1)> | `code` **b**\n\n# h [a](javascript:x) \"q' </script> http://x.yz &lt;"


def parsed(text: str) -> list[Any]:
    """What a Markdown reader makes of a text, raw HTML and tables included, all tokens in one list."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(text)
    return [each for token in tokens for each in (token, *(token.children or []))]


@pytest.mark.parametrize(("severity", "first"), [("problem", True), ("worth a look", False), ("fine", False)])
def test_a_problem_comes_before_the_verdict_and_anything_else_after_it(severity: Severity, first: bool) -> None:
    page = render_html(*sample(severity=severity))
    header = page[page.index("<header>") : page.index("</header>")]
    assert (header.index("The data: ") < header.index("The gap is real.")) is first
    assert header.index("<h1>") < header.index("The data: ")
    text = stage.render_markdown(*sample(severity=severity))
    assert (text.index("**The data: ") < text.index("The gap is real.")) is first
    assert text.index("**The data: ") < text.index("## The confirmatory contrasts")


def test_the_block_has_a_line_for_what_is_not_fine_and_one_for_the_rest() -> None:
    header = Page(render_html(*sample())).text
    assert "The data: 1 problem, 1 worth a look" in header
    assert "600 images of 28 × 28 pixels, grey" in header
    assert "Checked and found fine: brightness and contrast." in header
    assert "Could not be checked: validation told from training." in header
    content = sample(severity="fine")[-1]
    clean = data_audit(dataclasses.replace(content, findings=content.findings[1:]))
    assert clean.headline == "The data: no problem found"
    assert clean.fine == "Checked and found fine: groups on both sides of a split, brightness and contrast."
    assert clean.not_fine == ()


def test_every_link_of_the_block_leads_to_its_finding() -> None:
    page = Page(render_html(*sample()))
    ids = {found["id"] for _, found in page.tags if "id" in found}
    links = {found["href"][1:] for tag, found in page.tags if tag == "a" and found["href"].startswith("#audit")}
    assert links == {"audit", "audit-groups", "audit-label_errors"}
    assert links <= ids


def test_images_of_a_problem_are_open_and_others_in_details() -> None:
    page = render_html(*sample())
    groups = page[page.index('<section id="audit-groups"') : page.index('<section id="audit-label_errors"')]
    assert groups.index("<img") < groups.index("<details>")
    errors = page[page.index('<section id="audit-label_errors"') :]
    assert errors.index("<details>") < errors.index("<img")
    assert "5 to look at" in errors


def test_what_users_named_is_text_in_the_page() -> None:
    given_names = sample(classes=(HOSTILE, "bag"), image_name=HOSTILE)
    page, usual = Page(render_html(*given_names)), Page(render_html(*sample(classes=("shirt", "bag"))))
    assert [tag for tag, _ in page.tags].count("script") == [tag for tag, _ in usual.tags].count("script")
    assert not [found for _, found in page.tags if "onerror" in found or found.get("src") == "x"]
    assert HOSTILE in page.text
    assert [tag for tag, _ in page.tags].count("li") == [tag for tag, _ in usual.tags].count("li")


def test_what_users_named_is_text_in_markdown() -> None:
    content = sample()[-1]
    named = audit_of(
        *(
            dataclasses.replace(finding, title=HOSTILE, found=f"{HOSTILE}.", effect=f"{HOSTILE}.")
            for finding in content.findings
        )
    )
    tokens = parsed(audit_markdown(data_audit(named)))
    kinds = [token.type for token in tokens]
    assert not {"html_inline", "html_block", "link_open", "image", "heading_open", "fence"} & set(kinds)
    assert kinds.count("tr_open") == 3
    assert kinds.count("td_open") == 2 * 4
    assert [token.content for token in tokens if token.type == "code_inline"] == ["report.html"]
    shown = "".join(token.content for token in tokens if token.type == "text")
    assert " ".join(HOSTILE.split()) in shown


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cc"])))
def test_markdown_of_any_text_is_that_text(text: str) -> None:
    tokens = parsed(f"| a |\n| --- |\n| {inert(text)} |\n")
    assert [token.type for token in tokens if token.type == "td_open"] == ["td_open"]
    inline = [token for token in tokens if token.type in ("text", "text_special", "html_inline", "code_inline")]
    assert {token.type for token in inline} <= {"text", "text_special"}
    assert "".join(token.content for token in inline)[1:] == " ".join(text.split())


def test_links_are_not_made_of_names() -> None:
    assert inert("http://x.yz www.x.yz a@b.cd") == "http\\://x.yz www\\.x.yz a\\@b.cd"


def test_what_is_no_png_gives_no_image() -> None:
    content = sample()[-1]
    first = content.findings[0]
    one, other = first.examples[0].images
    evil = dataclasses.replace(one, png='"><script>alert(1)</script>')
    shown = dataclasses.replace(first, examples=(Example("one group", (evil, other)),))
    pictures = data_audit(audit_of(shown)).not_fine[0].examples[0].pictures
    assert pictures[0].source == ""
    assert pictures[0].name
    assert re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/]+=*", pictures[1].source)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "reports/audit.json is missing: run `dvc repro prepare`"),
        ("{", "reports/audit.json cannot be read (.*): run `dvc repro prepare`"),
        ("{}", "reports/audit.json cannot be read (.*schema.*): run `dvc repro prepare`"),
        ('{"schema": 1}', "reports/audit.json has schema 1, this suite reads 2: run `dvc repro prepare`"),
        ('{"schema": 2}', r"reports/audit.json cannot be read \(images: .*\): run `dvc repro prepare`"),
    ],
)
def test_report_says_what_to_do_without_an_audit(
    text: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths.REPORTS.mkdir()
    if text is not None:
        paths.AUDIT.write_text(text)
    with pytest.raises(SuiteError, match=says):
        read_audit()


def test_report_reads_what_the_audit_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths.REPORTS.mkdir()
    content = sample()[-1]
    write_audit(content, paths.AUDIT)
    assert read_audit() == content
