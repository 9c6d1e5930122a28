"""`--model` as block `model` of params.yaml, with what DVC is to watch."""

from pathlib import Path

import pytest

from valgap.ground.calls import CLONE
from valgap.ground.errors import SuiteError
from valgap.ground.params.questions import FILL_IN
from valgap.init.builder import builder_of


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my" / "nets").mkdir(parents=True)
    (tmp_path / CLONE).parent.mkdir(parents=True)
    for file in (CLONE, "my/net.py", "my/nets/deep.py", "alone.py", "my/base.weights.h5", "other.weights.h5"):
        (tmp_path / file).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "weights", "keys"),
    [
        ("cnn", None, {"files": "valgap/training"}),
        ("my.net:build", None, {"files": "my"}),
        ("my.nets.deep:Net", None, {"files": "my"}),
        ("alone:build", None, {"files": "alone.py"}),
        ("my.net:build", "my/base.weights.h5", {"files": "my", "weights": "base.weights.h5"}),
        ("applications:MobileNetV2", "my/base.weights.h5", {"files": "my", "weights": "base.weights.h5"}),
        ("applications:MobileNetV2", "random", {"files": "valgap/training", "weights": "random"}),
        ("applications:MobileNetV2", None, {"files": "valgap/training", "weights": FILL_IN}),
    ],
)
def test_files_and_weights_of_a_builder(name: str, weights: str | None, keys: dict[str, str]) -> None:
    made = builder_of(name, weights, None)
    assert made.keys == {"builder": name} | keys
    assert made.pretrained == (keys.get("weights", "random") != "random")
    assert made.tried.weights == (keys.get("weights", "").replace(FILL_IN, "random") or None)


@pytest.mark.parametrize(
    ("name", "weights", "files", "words"),
    [
        ("resnet50", None, None, "--model resnet50 is no builder .*applications:"),
        ("your.net:build", None, None, "--model your.net:build: there is no your/net.py here"),
        ("my.net:build", "gone.h5", None, "--weights gone.h5: there is no such file"),
        ("my.net:build", "other.weights.h5", None, "must lie below --files my"),
        ("my.net:build", None, "gone", "--files gone: there is no such folder"),
    ],
)
def test_what_is_not_there_is_named(name: str, weights: str | None, files: str | None, words: str) -> None:
    with pytest.raises(SuiteError, match=words):
        builder_of(name, weights, files)
