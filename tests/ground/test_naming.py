import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valgap.ground.naming import CYRILLIC, GREEK, LATIN, LATIN_OF_GREEK, LONGEST, alike, spelt, trouble

GOOD = [
    "cat", "T-shirt/top", "01", "True", "NA", " x", "a,b", "<b>|`", "M\u00fcsli", "\u732b", "\ucf69",
    "\u043a\u043e\u0442", "TGF\u03b2", "\u00b5m", "\u03bcm", "\u03b1-helix", "NF-\u03baB", "cat \u043a\u043e\u0442",
    "2D-\u043c\u043e\u0434\u0435\u043b\u044c", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u2764\ufe0f",
    "conical", "comb", "null", "com10", "a.b", "x" * 100,
]  # fmt: skip
BAD = {
    "": "is blank",
    " \t": "is blank",
    "a\x1bb": r"holds what does not print: '\x1b'",
    "a\x07\n": r"holds what does not print: '\x07', '\n'",
    "\ufffe": r"holds what does not print: '\ufffe'",
    "a\u202eb": r"holds what does not print: '\u202e'",
    "a\u200db": r"holds what does not print: '\u200d'",
    "x" * 101: "is 101 bytes long in UTF-8, over the limit of 100",
    "\u732b" * 34: "is 102 bytes long in UTF-8, over the limit of 100",
    "con": "is a name that Windows keeps for a device",
    "NUL.txt": "is a name that Windows keeps for a device",
    "Com1": "is a name that Windows keeps for a device",
    "lpt\u00b2": "is a name that Windows keeps for a device",
    "cat.": "ends in a dot, which Windows takes away",
    "cat ": "ends in a space, which Windows takes away",
    "dr\u043epout": "has a word of Latin and Cyrillic letters that look alike",
    "dr\u03bfpout": "has a word of Latin and Greek letters that look alike",
    "\u0430\u03bf": "has a word of Cyrillic and Greek letters that look alike",
}


@pytest.mark.parametrize("name", GOOD)
def test_names_in_any_language_are_let_in(name: str) -> None:
    assert trouble(name) == ""


@pytest.mark.parametrize("name", BAD)
def test_why_a_name_is_not_let_in(name: str) -> None:
    assert trouble(name) == BAD[name]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dropout", "Dropout"), ("fix", "\ufb01x"), ("o", "\u043e"), ("CAP", "\u0421\u0410\u0420"),
        ("cap", "\u0421\u0410\u0420"), ("a", " a"), ("\u00e9", "e\u0301"), ("stra\u00dfe", "STRASSE"), ("A", "\u0391"),
        ("\u2764", "\u2764\ufe0f"), ("a2", "a\u00b2"),
    ],
)  # fmt: skip
def test_names_that_look_alike_are_told(one: str, other: str) -> None:
    assert alike(["x", one, "y", other]) == [tuple(sorted([one, other]))]


def test_names_that_do_not_look_alike_are_not() -> None:
    assert alike(["0", "O", "1", "l", "I", "cat", "cats", "\u03b1", "a", "\u00e9", "e", "\u043a\u043e\u0442"]) == []


def test_a_name_is_spelt_by_its_code_points_where_it_may_look_like_another() -> None:
    assert spelt("cat") == "'cat'"
    assert spelt("c\u0430t") == "'c\u0430t' (c\\u0430t)"


def test_look_alikes_are_of_the_scripts_that_they_are_listed_under() -> None:
    for letters, script in ((CYRILLIC, "CYRILLIC"), (GREEK, "GREEK"), (LATIN + LATIN_OF_GREEK, "LATIN")):
        assert all(unicodedata.name(letter).startswith(script) for letter in letters.replace(" ", ""))


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_names_are_judged_and_alone_are_like_none(names: list[str]) -> None:
    for name in names:
        assert alike([name]) == []
        assert alike([name, name]) == [(name, name)]
        if not trouble(name):
            assert 0 < len(name.encode()) <= LONGEST
    assert all(len(group) > 1 for group in alike(names))
