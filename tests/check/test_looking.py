import dataclasses

import numpy as np

from valgap.check import maps
from valgap.diagnostics.looked import Looked, choose
from valgap.document import html, markdown
from valgap.document.parts import Document, Gallery, Table


def looked(**changes: object) -> Looked:
    image = np.random.default_rng(0).integers(0, 255, (8, 8, 3)).astype(np.uint8)
    falls = np.zeros(49)
    falls[-1] = 0.4
    same = Looked(image, "val/cat/1.png", "cat", "dog", "val", 0.9, falls)
    return dataclasses.replace(same, **changes)  # type: ignore[arg-type]


def test_the_surest_mistakes_and_the_weakest_class_are_chosen() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    guess = np.array([0, 0, 1, 0, 0, 0, 0, 1, 1])
    sure = np.array([0.9, 0.8, 0.7, 0.6, 0.95, 0.6, 0.8, 0.7, 0.9])
    probabilities = np.where(np.arange(2) == guess[:, np.newaxis], sure[:, np.newaxis], 1 - sure[:, np.newaxis])
    # of class 1, recognised in 2 of 5: wrong 4 and 6, right 8 and 7; then the other mistakes, 2 and 5
    assert choose(probabilities.astype(np.float32), labels).tolist() == [4, 6, 8, 7, 2, 5]


def test_without_a_mistake_nothing_is_chosen() -> None:
    labels = np.array([0, 1])
    assert len(choose(np.eye(2, dtype=np.float32), labels)) == 0


def test_a_map_stands_beside_its_image_with_words_for_it() -> None:
    section = maps.section((looked(),))
    gallery = next(part for part in section.parts if isinstance(part, Gallery))
    original, drawn = gallery.examples[0].pictures
    assert original.png
    assert drawn.png
    assert original.png != drawn.png
    assert (original.remark, drawn.remark) == ("cat, validation", "most counts: lower right")
    assert gallery.examples[0].caption == "wrong: dog, 90.0%; 50.0% with its lower right covered"
    table = next(part for part in section.parts if isinstance(part, Table))
    assert table.rows == (("`val/cat/1.png`", "`cat`", "`dog`", "lower right", "90.0", "50.0"),)


def test_an_empty_map_is_not_drawn_and_says_so() -> None:
    section = maps.section((looked(falls=np.full(49, 0.001)), looked()))
    gallery = next(part for part in section.parts if isinstance(part, Gallery))
    assert [len(example.pictures) for example in gallery.examples] == [1, 2]
    assert gallery.examples[0].caption == "wrong: dog, 90.0%, whatever is covered"
    assert any(isinstance(part, str) and part.startswith("On 1 of 2 no place") for part in section.parts)


def test_both_writers_show_it() -> None:
    document = Document("t", "k", (), (maps.section((looked(name="val/<b>.png"),)),))
    page, text = html.write(document), markdown.write(document)
    assert page.count("data:image/png;base64,") == 2
    assert 'alt="map: most counts: lower right"' in page
    assert "<b>.png" not in page
    assert "| `val/<b>.png` | `cat` | `dog` | lower right | 90.0 | 50.0 |" in text
    assert "For instance" not in text
