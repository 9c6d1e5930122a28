import dataclasses
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.report.page_sample import page, sample
from tests.report.test_page import Page
from valgap.document import markdown
from valgap.document.findings import prose
from valgap.findings.finding import Severity
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.report.document import build
from valgap.report.inputs import Inputs
from valgap.results.audit import read_audit, write_audit

HOSTILE = "<img src=x onerror=alert(1)> | `code` **b**\n\n# h [a](javascript:x) \"q' </script> http://x.yz &lt;"


def parsed(text: str) -> list[Any]:
    """What a Markdown reader makes of a text, raw HTML and tables included, all tokens in one list."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(text)
    return [each for token in tokens for each in (token, *(token.children or []))]


def kinds(text: str) -> list[str]:
    return [token.type for token in parsed(text)]


@pytest.mark.parametrize(("severity", "first"), [("problem", True), ("worth a look", False), ("fine", False)])
def test_a_problem_comes_before_the_verdict_and_anything_else_after_it(severity: Severity, first: bool) -> None:
    whole = page(sample(severity=severity))
    header = whole[whole.index("<header>") : whole.index("</header>")]
    assert (header.index("The data: ") < header.index("Scored alike,")) is first
    assert header.index("<h1") < header.index("The data: ")
    text = markdown.write(build(sample(severity=severity)))
    assert (text.index("## The data: ") < text.index("Scored alike,")) is first
    assert text.index("## The data: ") < text.index("## What each change did")


def test_the_block_has_a_line_for_what_is_not_fine_and_one_for_the_rest() -> None:
    whole = page(sample())
    header = Page(whole[whole.index("<header>") : whole.index("</header>")]).text
    for text in (header, markdown.write(build(sample()))):
        assert "The data: 1 problem, 1 worth a look" in text
        assert "600 images of 28 × 28 pixels, grey" in text
        assert "Looked at and fine: brightness and contrast." in text
        assert "Could not be checked:" in text
        assert "Validation told from training" in text
    given = sample(severity="fine")
    findings = tuple(finding for finding in given.audit.findings if finding.severity != "worth a look")
    clean = markdown.write(build(dataclasses.replace(given, audit=dataclasses.replace(given.audit, findings=findings))))
    assert "## The data: no problem found" in clean
    assert "Looked at and fine: groups on both sides of a split, brightness and contrast." in clean


def test_every_link_of_the_block_leads_to_its_finding() -> None:
    whole = Page(page(sample()))
    ids = {found["id"] for _, found in whole.tags if "id" in found}
    links = {found["href"][1:] for tag, found in whole.tags if tag == "a" and found["href"].startswith("#")}
    assert {link for link in links if link.startswith("data-")} == {"data-groups", "data-label_errors"}
    assert links <= ids


def test_images_of_a_problem_are_open_and_others_in_details() -> None:
    whole = page(sample())
    groups = whole[whole.index('<section id="data-groups"') : whole.index('<section id="data-label_errors"')]
    assert groups.index("<img") < groups.index("<details>")
    errors = whole[whole.index('<section id="data-label_errors"') :]
    assert errors.index("<details>") < errors.index("<img")
    assert "5 to look at" in errors


def test_what_users_named_is_text_in_the_page() -> None:
    given_names = sample(classes=(HOSTILE, "bag"), image_name=HOSTILE)
    found, usual = Page(page(given_names)), Page(page(sample(classes=("shirt", "bag"))))
    assert [tag for tag, _ in found.tags].count("script") == [tag for tag, _ in usual.tags].count("script")
    assert not [attributes for _, attributes in found.tags if "onerror" in attributes or attributes.get("src") == "x"]
    assert HOSTILE in found.text
    assert [tag for tag, _ in found.tags].count("li") == [tag for tag, _ in usual.tags].count("li")


def everywhere(text: str) -> Inputs:
    """A sample whose findings say this in every place."""
    given = sample()
    findings = tuple(
        dataclasses.replace(finding, title=text, found=f"{text}.", effect=f"{text}.")
        for finding in given.audit.findings
    )
    return dataclasses.replace(given, audit=dataclasses.replace(given.audit, findings=findings))


def test_what_users_named_is_text_in_markdown() -> None:
    text = markdown.write(build(everywhere(HOSTILE)))
    usual = markdown.write(build(everywhere("plain")))
    tokens, plain_tokens = kinds(text), kinds(usual)
    for kind in ("html_inline", "html_block", "link_open", "image", "heading_open", "fence", "code_inline", "tr_open"):
        assert tokens.count(kind) == plain_tokens.count(kind), kind
    shown = "".join(token.content for token in parsed(text) if token.type.startswith("text"))
    assert " ".join(prose(HOSTILE).split()) in shown


def test_what_is_no_png_gives_no_image() -> None:
    given = sample()
    first, *others = given.audit.findings
    bad = dataclasses.replace(first.examples[0].images[0], png='"><script>alert(1)</script>')
    example = dataclasses.replace(first.examples[0], images=(bad,))
    audit = dataclasses.replace(given.audit, findings=(dataclasses.replace(first, examples=(example,)), *others))
    whole = page(dataclasses.replace(given, audit=audit))
    section = whole[whole.index('<section id="data-groups"') : whole.index('<section id="data-label_errors"')]
    assert "<img" not in section
    assert bad.name in section


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "reports/audit.json is missing: run `dvc repro prepare`"),
        ("{", "reports/audit.json cannot be read (.*): run `dvc repro prepare`"),
        ("{}", "reports/audit.json cannot be read (.*schema.*): run `dvc repro prepare`"),
        ('{"schema": 1}', "reports/audit.json has schema 1, this suite reads 3: run `dvc repro prepare`"),
        ('{"schema": 3}', r"reports/audit.json cannot be read \(images: .*\): run `dvc repro prepare`"),
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
    content = sample().audit
    write_audit(content, paths.AUDIT)
    assert read_audit() == content
