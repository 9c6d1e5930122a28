"""What the audit found in the data: a block of the first screen, and a section with its pictures."""

from valgap.document import findings
from valgap.document.findings import SERIOUS, prose
from valgap.document.numbers import many
from valgap.document.parts import Fold, Item, Items, Part, Section
from valgap.findings.finding import Finding, Picture
from valgap.report.inputs import Inputs
from valgap.report.words import sentence


def has_problem(inputs: Inputs) -> bool:
    """Whether something about the data is to be read before the verdict."""
    return bool(findings.of(inputs.audit, "problem"))


def block(inputs: Inputs) -> Section:
    """What there is, a line for each finding that is not fine, and the titles of the others."""
    audit = inputs.audit
    problems, looks = (len(findings.of(audit, severity)) for severity in SERIOUS)
    words = [many(problems, "problem") if problems else "", f"{looks} worth a look" if looks else ""]
    found: list[Part] = list(filter(None, [findings.overview(audit)]))
    if problems + looks:
        found.append(Items(tuple(_item(finding) for finding in findings.of(audit, *SERIOUS))))
    title = f"The data: {', '.join(filter(None, words)) or 'no problem found'}"
    return Section("data-audit", title, (*found, *findings.rest(audit)))


def audit(inputs: Inputs) -> Section:
    """Every finding with its pictures and tables; those that are fine or unknown are folded."""
    serious = findings.sections(inputs.audit, {})
    rest = [findings.section(each) for each in inputs.audit.findings if each.severity not in SERIOUS]
    folded = [Fold(f"{'Other' if serious else 'All'} checks: {len(rest)}", tuple(rest))] if rest else []
    return Section("audit", "What the audit of the data found", (sentence("audit"), *serious, *folded))


def _item(finding: Finding[Picture]) -> Item:
    effect = f" {prose(finding.effect)}" if finding.severity == "problem" else ""
    return Item(
        prose(finding.found) + effect,
        title=findings.title(finding),
        badge=finding.severity,
        anchor=f"data-{finding.name}",
    )
