"""An error says key, value, why and cure, in the words of whoever shows it."""

import pickle

import pytest

from valgap.ground.errors import SuiteError, Term
from valgap.ground.params.schema import ParamsError

PARTS = {"key": "data.path", "value": "'x'", "why": "it cannot be read", "cure": "name a folder"}


@pytest.mark.parametrize(
    ("left_out", "text"),
    [
        ((), "data.path = 'x': it cannot be read; name a folder"),
        (("cure",), "data.path = 'x': it cannot be read"),
        (("value",), "data.path: it cannot be read; name a folder"),
        (("key", "value"), "it cannot be read; name a folder"),
    ],
)
def test_a_message_is_composed_of_what_is_given(left_out: tuple[str, ...], text: str) -> None:
    assert str(SuiteError(**{name: said for name, said in PARTS.items() if name not in left_out})) == text


def test_a_value_of_zero_is_said() -> None:
    assert str(SuiteError(key="steps", value=0, why="it must be positive")) == "steps = 0: it must be positive"


def test_an_error_of_params_yaml_names_the_file_and_a_front_end_does_not() -> None:
    error = ParamsError(**PARTS)
    assert str(error) == "params.yaml: data.path = 'x': it cannot be read; name a folder"
    assert str(error.named({"data.path": Term("DATA")})) == "DATA = 'x': it cannot be read; name a folder"
    assert isinstance(error.named({"data.path": Term("DATA")}), ParamsError)


def test_a_front_end_may_have_its_own_value_and_cure() -> None:
    terms = {"data.path": Term("DATA", "a file", "unpack it"), "model.builder": Term("MODEL")}
    assert str(SuiteError(**PARTS).named(terms)) == "DATA = a file: it cannot be read; unpack it"


@pytest.mark.parametrize("error", [SuiteError("as it is: data.path"), SuiteError(**PARTS)], ids=["plain", "other key"])
def test_an_error_that_a_front_end_has_no_term_for_is_itself(error: SuiteError) -> None:
    assert error.named({"data.table": Term("TABLE")}) is error


def test_a_worker_gives_back_all_parts_of_its_error() -> None:
    for error in (ParamsError(**PARTS), SuiteError("plain")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
