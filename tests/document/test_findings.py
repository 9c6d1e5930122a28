"""The audit's findings as parts of a document: what is fine, what is not, and what could not be checked."""

from valgap.document import findings, markdown
from valgap.document import html as page
from valgap.document.parts import Document, Gallery, Section, Table
from valgap.findings.finding import SCHEMA, Audit, Example, Finding, Picture, Severity, Sheet

HOSTILE = "<script>`x` [a](b)"


def finding(name: str, severity: Severity, **fields: object) -> Finding[Picture]:
    title = f"About {name}"
    return Finding("VG100", name, title, severity, 1, 2, "images", f"Found in {name}.", "It matters.", **fields)  # type: ignore[arg-type]


def audit(*found: Finding[Picture]) -> Audit:
    return Audit(SCHEMA, 2, (6, 6, 1), found)


EXAMPLE = Example("equal", (Picture("iVBORw0KGgo=", f"{HOSTILE}.png", "ant", "val"),))
SHEET = Sheet("Images by class.", ("class", "split", "images"), (("`ant`", "val", "1,200"), ("bee", "val", "−2")))


def shown(*parts: object) -> Document:
    return Document("T", "", (), (Section("data", "The data", tuple(parts)),))  # type: ignore[arg-type]


def test_a_finding_is_a_section_with_its_severity_its_pictures_and_folded_tables() -> None:
    section = findings.section(finding("x", "problem", examples=(EXAMPLE,), tables=(SHEET,)), "Set `y`.")
    assert (section.name, section.title, section.badge) == ("data-x", "About x (VG100)", "problem")
    text, gallery, table = section.parts
    assert text == "Found in x. It matters. Set `y`."
    assert isinstance(gallery, Gallery)
    assert gallery.examples[0].pictures[0].remark == "ant, val"
    assert isinstance(table, Table)
    assert (table.texts, table.folded, table.markdown) == (2, True, False)
    assert table.rows[0][0] == "'ant'"  # a name's backticks begin no code
    written = markdown.write(shown(section))
    assert "### problem: About x (VG100)" in written
    assert "<script>" not in "".join(written.split("`")[::2])
    assert "1,200" not in written
    html = page.write(shown(section))
    assert 'class="finding problem"' in html
    assert "data:image/png;base64,iVBORw0KGgo=" in html
    assert "<summary>Images by class.</summary>" in html


def test_a_table_of_words_alone_has_no_number_column() -> None:
    sheet = Sheet("t", ("a", "b"), (("x", "y"),))
    assert findings.table(sheet).texts == 2
    assert findings.table(Sheet("t", ("a",), ())).texts == 1


def test_what_could_not_be_checked_is_not_called_fine() -> None:
    whole = audit(
        finding("p", "problem"), finding("w", "worth a look"), finding("u", "unknown"), finding("f", "fine"),
        finding("counts", "fine"),
    )  # fmt: skip
    assert [section.badge for section in findings.sections(whole, {})] == ["problem", "worth a look"]
    fine, heading, _ = findings.rest(whole)
    assert fine == "Looked at and fine: about f."
    assert heading == "Could not be checked:"
    written = markdown.write(shown(*findings.rest(whole)))
    assert "- **About u (VG100).** Found in u." in written
    assert "about u" not in written.partition("Could not be checked")[0].lower()
    assert findings.overview(whole) == "Found in counts."


def test_an_audit_of_nothing_says_nothing() -> None:
    assert findings.rest(audit()) == ()
    assert findings.overview(audit()) == ""
    assert findings.sections(audit(), {}) == ()


def test_a_cure_stands_with_its_finding_only() -> None:
    first, second = findings.sections(audit(finding("a", "problem"), finding("b", "problem")), {"b": "Do it."})
    assert "Do it." not in str(first.parts)
    assert "Do it." in str(second.parts)
