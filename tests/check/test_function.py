"""`valgap.check(...)`, the check as a function for notebooks and programs."""

import html.parser
import sys
from pathlib import Path

import keras
import pytest

import valgap
from tests.check.test_check import draw, network, write_folder
from valgap.check import run
from valgap.check.document import Checked


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("data") / "photos", {"train": draw(60, 0), "val": draw(30, 1)})


# Keras 3.15.1 saves a variable of TensorFlow's in a way that NumPy 2.4 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_a_model_in_hand_is_checked_as_its_file_is(photos: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = network(last="softmax")
    weights = [weight.copy() for weight in model.get_weights()]
    in_hand = valgap.check(model, photos, groups="case([0-9]+)_", value_range="0-1", out=tmp_path / "out")
    model.save(tmp_path / "model.keras")
    of_file = valgap.check(str(tmp_path / "model.keras"), str(photos), groups="case([0-9]+)_", value_range="0-1")
    assert f"Check of `{model.name}` on `{photos}`" in in_hand.markdown()
    assert in_hand.markdown().replace(f"`{model.name}`", f"`{tmp_path / 'model.keras'}`") == of_file.markdown()
    assert "- **Groups.** " in in_hand.markdown()
    assert "[0, 1]`, as asked" in in_hand.markdown()
    assert all((one == other).all() for one, other in zip(model.get_weights(), weights, strict=True))
    assert (tmp_path / "out/check.md").read_text() == in_hand.markdown()
    in_hand.save(tmp_path / "again")
    assert (tmp_path / "again/check.html").read_text() == in_hand.html()


@pytest.mark.parametrize("model", [3, None, keras.layers.Dense(1), network])
def test_what_is_no_model_is_refused_by_its_kind(model: object, photos: Path) -> None:
    with pytest.raises(valgap.SuiteError, match=r"model is a \S+: give the path of a saved model, or a keras\.Model"):
        valgap.check(model, photos)


def test_a_model_that_cannot_be_saved_is_checked_as_well(photos: Path) -> None:
    class Stubborn(keras.Model):  # type: ignore[misc]
        def __init__(self, inner: keras.Model) -> None:
            super().__init__(name="mine")
            self.inner = inner

        def call(self, images: object) -> object:
            return self.inner(images)

        def get_config(self) -> dict[str, object]:
            raise ValueError("not now")

    assert "Check of `mine`" in valgap.check(Stubborn(network()), photos, value_range="0-1").markdown()


def test_a_value_range_that_is_not_known_is_refused(photos: Path) -> None:
    with pytest.raises(valgap.SuiteError, match=r"value_range = '0-2' is not known \(allowed: 0-1, -1-1, 0-255\)"):
        valgap.check("my.keras", photos, value_range="0-2")


def test_a_process_with_tensorflow_leaves_the_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.device_beside_this().device == "cpu"  # tests have TensorFlow
    monkeypatch.delitem(sys.modules, "tensorflow")
    assert run.device_beside_this().device == "auto"


class Frame(html.parser.HTMLParser):
    """The elements of what a notebook gets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def test_a_notebook_shows_the_page_in_a_frame_without_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Checked.__new__(Checked)
    page = '<!doctype html><p title="a&amp;b">"quoted" </iframe><script>x</script>'
    monkeypatch.setattr(Checked, "html", lambda self: page)
    monkeypatch.setattr(Checked, "markdown", lambda self: "## Check\n")
    ((tag, attributes),) = Frame(document._repr_html_()).found
    assert tag == "iframe"
    assert attributes["srcdoc"] == page
    assert attributes["sandbox"] is None  # present and empty: nothing is allowed
    assert repr(document) == str(document) == "## Check\n"
