"""What users call their classes is text from the first table to the last page, whatever it looks like."""

import dataclasses
import html
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.results.test_evaluate import write_run
from tests.scratch import ROOT, only
from valgap import diagnose, evaluate, prepare
from valgap.data.sources import embedded
from valgap.data.sources.images import Images
from valgap.document import figures
from valgap.document.markdown import inline
from valgap.document.text import named, plain
from valgap.export import card, command
from valgap.ground import paths
from valgap.ground.params import suite
from valgap.ground.params.experiment import Data
from valgap.ground.params.suite import Suite
from valgap.report import stage as report
from valgap.results.provenance import read_provenance
from valgap.results.sides import Side, of_workspace, read_side
from valgap.results.tables import TEXTS, parse_table, read_table
from valgap.review import changes

HOSTILE = [
    ("0", "1"),
    ("01", "1"),
    ("True", "False"),
    ("NA", "nan", "None", "null"),
    ("1e3", "1000", "1_000"),
    ("a\tb", "<b>|`", "a,b", '"quoted"'),
    ("inf", "-1", " x", "#N/A", "2021-01-01"),
]


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A prepared folder of classes with these names, and finished runs of two variants, without any training."""
    names: tuple[str, ...] = request.param
    params = only(yaml.safe_load((ROOT / "params.yaml").read_text()), ["baseline", "dropout"])
    params["split"] |= {"block_size": 2, "train_size": 9, "val_size": 12, "test_size": 30}
    params["train"] |= {"evaluation_policies": {"flip": {"horizontal_flip": True}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 255, (240, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(240) % len(names)
    images = Images(pixels, labels, names, np.full(240, ""), tuple(map(str, range(240))), {"toy": "0" * 64})

    def toy(data: Data, target: Path) -> Images:
        np.save(target, pixels)
        return images

    monkeypatch.setattr(embedded, "SOURCE", dataclasses.replace(embedded.SOURCE, load=toy))
    prepare.main()
    loaded = suite.load()
    for variant in loaded.variants:
        for block in loaded.split.blocks:
            write_run(loaded, variant, block, right=0.6 if variant == "baseline" else 0.9, classes=len(names))
    evaluate.main()
    diagnose.main()
    return loaded


@pytest.mark.parametrize("project", HOSTILE, indirect=True, ids=repr)
def test_every_class_keeps_its_name_to_the_last_page(project: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    known = read_provenance()
    names = known.data.class_names
    monkeypatch.setattr(figures, "save", lambda *_: None)  # they are drawn from the same tables, and slow
    report.main()

    page, text = paths.HTML.read_text(), paths.REPORT.read_text()
    recalls = read_table(paths.CLASSES)
    assert set(recalls["class"]) == set(names)
    for variant in project.cells:
        of_variant = recalls[(recalls.variant == variant) & (recalls.split == "test")].groupby("class").recall.mean()
        assert f"{shown(of_variant.idxmin())} {100 * of_variant.min():.1f}%" in text
        assert f"{shown(of_variant.idxmax())} {100 * of_variant.max():.1f}%" in text
    for name in names:
        assert html.escape(plain(name), quote=False) in page.replace("&#34;", '"').replace("&#39;", "'")

    written = card.text(content(project, len(names), **command.tables()))
    rows = {line.rpartition("|")[0]: line for line in written.splitlines() if line.startswith("| ")}
    for name in names:
        (row,) = [
            line for line in rows.values() if line.startswith(f"| {inline(named(name), cell=True)} |") and "to" in line
        ]
        assert "n/a" not in row

    side = read_side(of_workspace, "the workspace")
    found = changes.recalls(side, shifted(side), [*project.cells])
    assert {(change.variant, change.class_name) for change in found} == {(v, c) for v in project.cells for c in names}


def shown(name: str) -> str:
    """A class name in a cell of report.md."""
    return inline(plain(name), cell=True)


def shifted(side: Side) -> Side:
    """The same side with all recalls a little lower."""
    return dataclasses.replace(side, classes=side.classes.assign(recall=side.classes.recall - 0.01))


def content(params: Suite, count: int, **read: Any) -> card.Content:
    labels = np.arange(12) % count
    return card.Content(
        variant="baseline", params=params, settings=params.train, stop=params.train.steps,
        provenance=read_provenance(), sizes=(3, 2), probabilities=np.eye(count, dtype=np.float32)[labels],
        labels=labels, groups=None, parameters=9,
        own_classes=(), environment={"python": "3"}, **read,
    )  # fmt: skip


@pytest.mark.parametrize("project", [("NA", "b")], indirect=True)
def test_a_variant_called_like_a_missing_value_is_compared(project: Suite) -> None:
    for path in (paths.RESULTS, paths.CLASSES):
        path.write_text(path.read_text().replace("dropout,", "NA,"))
    side = read_side(of_workspace, "the workspace")
    assert set(side.results.variant) == {"baseline", "NA"}
    assert len(side.results[side.results.variant == "NA"]) == len(side.results[side.results.variant == "baseline"])


def test_an_empty_cell_is_missing_and_nothing_else_is() -> None:
    table = parse_table(
        paths.CLASSES, b"variant,replicate,split,class,images,recall\nNA,0,test,nan,4,\nb,1,,01,5,0.5\n"
    )
    assert table["class"].tolist() == ["nan", "01"]
    assert table.variant.tolist() == ["NA", "b"]
    assert table.split.tolist() == ["test", ""]
    assert np.isnan(table.recall[0])
    assert table.images.dtype == np.int64


def test_a_table_without_rows_has_its_columns() -> None:
    table = parse_table(paths.HARDEST, b"image,actual,predicted,wrong,replicates,loss,png\n")
    assert len(table) == 0
    assert table["loss"].dtype == np.float64


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"variant,replicate,split,images,recall\n", "column class is missing"),
        (b"variant,replicate,split,class,images,recall\na,0,test,b,NA,1\n", "column images holds what is no number"),
        (b"", "No columns"),
    ],
)
def test_a_malformed_table_is_named(text: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_table(paths.CLASSES, text)


def test_every_table_has_its_columns_of_text() -> None:
    written = {paths.REPORTS / path.name for path in (ROOT / paths.REPORTS).glob("*.csv")}
    assert written == set(TEXTS)
    for path in written:
        assert len(parse_table(path, (ROOT / path).read_bytes()))
