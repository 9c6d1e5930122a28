from pathlib import Path

import jinja2
import pytest

from valgap.document.prose import Prose
from valgap.stats.intervals import Interval

TEXTS = """
gap:
  real: >-
    The gap, {{ gap | pp }},
    is real.
name: "{{ name | named }} has {{ count | many('image') }}"
"""


@pytest.fixture
def say(tmp_path: Path) -> Prose:
    (tmp_path / "words.yaml").write_text(TEXTS)
    return Prose(tmp_path / "words.yaml")


def test_texts_are_filled_with_numbers_in_their_form(say: Prose) -> None:
    gap = Interval(3, 0.1234, 0.1, 0.1, 0.15)
    assert say("gap.real", gap=gap) == "The gap, 12.3 pp (10.0 to 15.0), is real."
    assert say("gap.real", gap=0.1) == "The gap, 10.0 pp, is real."
    assert say("gap.real", gap=None) == "The gap, n/a, is real."
    assert say("name", name="a`b", count=1) == "`a'b` has 1 image"
    assert say.all("gap", gap=0.5) == {"real": "The gap, 50.0 pp, is real."}


def test_what_is_missing_is_an_error_not_a_gap_in_the_text(say: Prose) -> None:
    with pytest.raises(KeyError, match="absent"):
        say("gap.absent")
    with pytest.raises(jinja2.UndefinedError, match="'gap' is undefined"):
        say("gap.real")
