import ast
import pickle
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from valgap.ground.errors import SuiteError
from valgap.ground.terminal import safe


def test_what_moves_a_cursor_or_turns_a_line_around_is_escaped_and_lines_stay() -> None:
    assert safe("a\x1b[2J\x07\u202e\r\x9bb\ufffe\udcff\u200b") == r"a\x1b[2J\x07\u202e\r\x9bb\ufffe\udcff\u200b"
    assert safe("two\nlines\tM\u00fcsli \u732b") == "two\nlines\tM\u00fcsli \u732b"


@given(st.text(alphabet=st.characters()))
def test_any_text_becomes_printable_and_nothing_printable_changes(text: str) -> None:
    found = safe(text)
    spaces = [character for character in found if not character.isprintable() and character not in "\n\t"]
    assert all(unicodedata.category(character) == "Zs" for character in spaces)
    assert safe(found) == found
    found.encode("utf-8")
    printable = "".join(character for character in text if character.isprintable())
    assert safe(printable) == printable
    if "\\" not in text and "'" not in text and "\n" not in text:
        assert ast.literal_eval(f"'{found}'") == text


def test_errors_are_safe_whatever_they_name() -> None:
    error = SuiteError(key="data.path", value="a\x1bc", why="classes \u202e", cure="rename\x07")
    assert str(error) == r"data.path = a\x1bc: classes \u202e; rename\x07"
    assert str(SuiteError("one\x1b\ntwo")) == "one\\x1b\ntwo"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
