"""Environments that numbers were made in, side by side."""

from valgap.document.markdown import code, table


def environments(
    first: list[dict[str, str]], second: list[dict[str, str]], first_name: str, second_name: str
) -> str:  # fmt: skip
    """Two sides' environments side by side, what differs in bold; several of one side stand behind one another."""
    sides = (first, second)
    names = dict.fromkeys(name for side in sides for environment in side for name in environment)
    rows = []
    for name in names:
        cells = [", ".join(dict.fromkeys(str(e.get(name, "none")) for e in side)) for side in sides]
        mark = "**" if cells[0] != cells[1] else ""
        rows.append([name, *(f"{mark}{code(cell)}{mark}" for cell in cells)])
    return table(["environment", first_name, second_name], rows, texts=3, limit=None)
