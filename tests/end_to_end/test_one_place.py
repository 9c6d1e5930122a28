"""CONTRIBUTING says how little it takes to add a thing. Here one of each is added so, in a scratch copy, and is found
wherever it must appear, after one run of the pipeline."""

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.scratch import TOY, copy_repository, read_params, run, write_params
from tests.toys import Toys

# (what is added, where, the line that it stands before or "" for a new file, its lines): one place each.
EDITS = [
    (
        "knob", "valgap/ground/params/experiment.py", "    weight_decay: NonNegative",
        '    output_penalty: NonNegative = knob(0.0, shows="penalty")\n',
    ),
    (
        "knob", "valgap/training/network/knobs.py", "    if settings.l1_penalty or",
        "    if settings.output_penalty:\n"
        "        (kernel,) = own_kernels(weighted_layers(model, images)[-1])\n"
        "        kernel.regularizer = keras.regularizers.L2(settings.output_penalty)\n",
    ),
    (
        "source", "valgap/data/sources/stripes.py", "",
        "import numpy as np\n"
        "from valgap.data.sources.images import Images\n"
        "from valgap.data.sources.source import Source\n\n\n"
        "def load(data, target):\n"
        "    rng = np.random.default_rng(0)\n"
        "    labels = np.arange(600) % 3\n"
        "    images = rng.integers(0, 90, (600, 12, 12, 1), dtype=np.uint8)\n"
        "    for image, label in zip(images, labels):\n"
        "        image[3 * label] += 150\n"
        "    names = tuple(f'stripe {number}' for number in range(600))\n"
        "    return Images(images, labels, ('high', 'middle', 'low'), np.full(600, ''), names, {'stripes': 'ab'})\n\n\n"
        "SOURCE = Source(load)\n",
    ),
    ("source", "valgap/data/sources/registry.py", '    "npz",\n', '    "stripes",\n'),
    (
        "metric", "valgap/stats/metrics.py", '        Metric("auroc",',
        '        Metric(\n            "brier", "{}Brier score", "{}Brier",\n'
        "            lambda p, y: float(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1).mean()),\n"
        '            higher_is_better=False, headline=("test",),\n        ),\n',
    ),
    (
        "cause", "valgap/ground/params/causes.py", '        Cause("labels",',
        '        Cause("output", "an unbridled output layer", "its output layer"),\n',
    ),
    (
        "finding", "valgap/findings/audit.py", "        counts.imbalance(used),",
        '        Finding("VG199", "sides", "Sides", "worth a look", 1, 2, "sides", "Images have two sides.", ""),\n',
    ),
    (
        "section", "valgap/report/background.py", "def method(",
        "def motto(inputs: Inputs) -> Section:\n"
        '    """A section of one sentence."""\n'
        '    return Section("motto", "Motto", (f"Look at all {len(inputs.provenance.variants)} variants.",))\n\n\n',
    ),
    ("section", "valgap/report/document.py", "    method,\n)", "    background.motto,\n"),
]  # fmt: skip
OWED = {"knob": 2, "source": 2, "metric": 1, "cause": 1, "finding": 1, "section": 2}  # places in code


def add(folder: Path, path: str, before: str, lines: str) -> None:
    """Put the lines before the one place where `before` stands, or into a new file."""
    file = folder / path
    if not before:
        assert not file.exists()
        file.write_text(lines)
        return
    text = file.read_text()
    assert text.count(before) == 1, (path, before)
    file.write_text(text.replace(before, lines + before))


def make_extended(folder: Path) -> None:
    """The toy project with one more of everything, after a run."""
    copy_repository(folder, TOY, ["baseline", "dropout"])
    for _, path, before, lines in EDITS:
        add(folder, path, before, lines)
    imports = folder / "valgap/report/document.py"  # of the section's second place, as any name that is used there
    imports.write_text(imports.read_text().replace("import screen\n", "import background, screen\n"))
    params = read_params(folder)
    params["data"]["source"] = "stripes"
    params["variants"]["bridled"] = {"output_penalty": 0.05}
    params["causes"]["output"] = {"removes": ["bridled"]}
    write_params(folder, params)
    run(folder, "dvc", "repro")


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.copy(make_extended, tmp_path_factory.mktemp("extended"))


def texts(project: Path) -> dict[str, str]:
    """Both reports."""
    return {name: (project / "reports" / name).read_text() for name in ("report.md", "report.html")}


def test_each_thing_takes_as_few_places_as_promised() -> None:
    assert Counter(what for what, *_ in EDITS) == OWED
    assert len({path for _, path, *_ in EDITS}) == len(EDITS)


def test_the_source_is_what_was_studied(project: Path) -> None:
    manifest = json.loads((project / "data/prepared/manifest.json").read_text())
    assert manifest["class_names"] == ["high", "middle", "low"]
    assert manifest["image_shape"] == [12, 12, 1]
    assert all("stripes" in text for text in texts(project).values())


def test_the_knob_bites_and_is_recorded(project: Path) -> None:
    provenance = json.loads((project / "reports/provenance.json").read_text())
    assert provenance["train"]["output_penalty"] == 0
    assert provenance["variants"]["bridled"]["diff"] == {"output_penalty": 0.05}
    first, second = ((project / f"runs/{name}/0/predictions.npz").read_bytes() for name in ("baseline", "bridled"))
    assert first != second
    assert all("output_penalty" in text.replace("\\", "") for text in texts(project).values())


def test_a_knob_without_its_use_is_refused_before_training(project: Path, tmp_path: Path) -> None:
    copy_repository(tmp_path, TOY, ["baseline"])
    add(tmp_path, *EDITS[0][1:])
    write_params(tmp_path, read_params(tmp_path) | {"variants": {"baseline": {}, "bridled": {"output_penalty": 0.05}}})
    done = run(tmp_path, "dvc", "repro", check=False)
    assert done.returncode
    assert "bridled: output_penalty = 0.05 instead of 0 leaves the penalty of the initial weights at 0" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_the_metric_is_in_every_table_and_choice(project: Path) -> None:
    for name in ("results", "summary"):
        assert "brier" in set(pd.read_csv(project / f"reports/{name}.csv").metric)
    metrics = json.loads((project / "reports/metrics.json").read_text())
    assert all(0 < values["test_brier"] < 2 for values in metrics.values())
    assert "test_brier" in run(project, "dvc", "metrics", "show").stdout
    assert all("test Brier" in text for text in texts(project).values())
    choices = "from valgap.stats.measures import PRIMARY; print(PRIMARY)"
    assert "'test_brier'" in run(project, "python", "-c", choices).stdout


def test_the_cause_has_its_verdict(project: Path) -> None:
    verdict = json.loads((project / "reports/verdict.json").read_text())
    (entry,) = [entry for entry in verdict["causes"] if entry["cause"] == "output"]
    assert (entry["title"], entry["arms"]) == ("an unbridled output layer", ["bridled"])
    assert "output" in json.loads((project / "reports/diagnosis.json").read_text())["causes"]
    assert all("an unbridled output layer" in text for text in texts(project).values())


def test_the_finding_is_in_the_audit_and_in_both_reports(project: Path) -> None:
    audit = json.loads((project / "reports/audit.json").read_text())
    assert "sides" in [finding["name"] for finding in audit["findings"]]
    assert all("Images have two sides." in text for text in texts(project).values())


def test_the_section_is_in_both_reports_and_in_the_list_of_contents(project: Path) -> None:
    found = texts(project)
    assert all("Look at all 3 variants." in text for text in found.values())
    assert 'href="#motto"' in found["report.html"]


def test_a_check_shows_the_metric_and_the_finding(project: Path) -> None:
    script = (
        "from keras import Sequential, layers\n"
        "model = Sequential([layers.Input((12, 12, 1)), layers.Flatten(), layers.Dense(3, activation='softmax')])\n"
        "model.save('my.keras')\n"
        "import numpy as np; from pathlib import Path; from PIL import Image; from valgap.data.sources import stripes\n"
        "found = stripes.load(None, None)\n"
        "for place, (image, label) in enumerate(zip(found.images[:90], found.labels)):\n"
        "    path = Path('photos', 'train' if place < 60 else 'val', found.class_names[label], f'{place}.png')\n"
        "    path.parent.mkdir(parents=True, exist_ok=True); Image.fromarray(image[..., 0]).save(path)\n"
    )
    run(project, "python", "-c", script)
    shown = run(project, "python", "-m", "valgap", "check", "my.keras", "photos").stdout
    assert "Brier" in shown
    assert "Images have two sides." in shown
