"""The public functions and the command, each once, as an installed package gives them: no clone, no params.yaml.

Runs by itself, from an empty folder, with the interpreter under test: `python installed.py`. It needs valgap and what
valgap depends on, and nothing else. Its top level is not guarded, as a user's script may be.
"""

import contextlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

import valgap
from valgap.pipeline import shipped

MODEL, PHOTOS = Path("my model's.keras"), Path("my photos")
SHOWN = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "scipy", "cleanlab", "pydantic", "click")


def photos() -> None:
    """Digits of scikit-learn as PNG files: 400 for training, 200 for validation."""
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images[:600], digits.target, strict=False)):
        path = PHOTOS / ("train" if number < 400 else "val") / f"digit {label}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype(np.uint8)).save(path)


def network() -> keras.Model:
    """A stock network, trained a little on pixels in 0-255."""
    digits = load_digits()
    images = (digits.images[:400, ..., np.newaxis] * 15).astype(np.uint8)
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(16, 3, activation="relu"), keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]  # fmt: skip
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers], name="digits")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, digits.target[:400], epochs=15, verbose=0)
    return model


def valgap_says(status: int, *words: str) -> str:
    """What the command writes; it must end with `status`, and `python -m valgap` must agree."""
    script = [str(Path(sys.executable).parent / "valgap"), *words]
    done = [
        subprocess.run(command, capture_output=True, text=True)
        for command in (script, [sys.executable, "-m", "valgap", *words])
    ]
    for run in done:
        assert run.returncode == status, (words, run.returncode, run.stdout, run.stderr)
        assert "Traceback" not in run.stderr, run.stderr
    assert done[0].stdout == done[1].stdout, "\n---\n".join(run.stdout for run in done)
    assert done[0].stderr == done[1].stderr
    return done[0].stdout + done[0].stderr


print(sys.version.split()[0], *(f"{name} {importlib.metadata.version(name)}" for name in SHOWN), sep=", ", flush=True)
assert Path(valgap.__file__).is_relative_to(sys.prefix)  # not a clone
assert valgap.__version__ == importlib.metadata.version("valgap")
photos()
model = network()
model.save(MODEL)

found = valgap.check(MODEL, PHOTOS, groups="digit ([0-9])", value_range="0-255", out="out")
assert found.markdown() == Path("out/check.md").read_text(encoding="utf-8") == str(found)
assert "<iframe" in found._repr_html_()
in_hand = valgap.check(model, PHOTOS)
assert in_hand.markdown().startswith("## Check of `digits` on `my photos`")
assert "Accuracy is 9" in in_hand.markdown() or "Accuracy is 100" in in_hand.markdown(), in_hand
assert in_hand.html().startswith("<!doctype html>")
with contextlib.suppress(valgap.SuiteError):
    valgap.check("absent.keras", PHOTOS)
    raise AssertionError("a model that does not exist was checked")

digits = load_digits()
pixels = (digits.images[..., np.newaxis] * 15).astype(np.uint8)
train, val = (pixels[:400], digits.target[:400]), (pixels[400:600], digits.target[400:600])
objects = valgap.check(model, train, val)
assert "VG301" not in {each.code for each in objects.findings}, objects
assert objects.to_dict()["findings"][0]["code"].startswith("VG")
wrong = valgap.check(model, train, (val[0] / 255, val[1]))
assert wrong.findings[0].code == "VG301", wrong
assert "Preflight of `digits`" in str(valgap.preflight(model, train, seconds=4))
callback = valgap.GapCallback(train, val)
model.fit(*train, validation_data=val, epochs=2, verbose=0, callbacks=[callback])
assert "fair gap" in callback.summary

assert "Example: valgap check my.keras photos" in valgap_says(0, "--help")
assert valgap.__version__ in valgap_says(0, "--version")
Path("layers_of_mine.py").touch()
said = valgap_says(0, "check", "--module=layers_of_mine", str(MODEL), str(PHOTOS))
assert said == in_hand.markdown().replace("`digits` on", f"`{MODEL}` on"), said
assert "absent.keras" in valgap_says(1, "check", "absent.keras", str(PHOTOS))
assert "Usage: valgap check" in valgap_says(2, "check")
wanted = "no params.yaml here" if importlib.util.find_spec("dvc") else "pip install 'valgap[suite]'"
for command in ("plan", "repro", "more", "report", "export", "review", "fresh", "verify", "selfcheck"):
    options = ["--variant", "dropout"] if command in ("more", "export") else []
    sentence = valgap_says(1, command, *options)
    assert sentence.count("\n") == 1, sentence
    assert (wanted if command != "selfcheck" else "no params.yaml here") in sentence, sentence
for name in shipped.FILES:  # for `valgap init --here`
    assert (Path(valgap.__file__).parent / shipped.HERE / name).read_text(encoding="utf-8") == shipped.text(name)
print("installed: all public functions ran")
