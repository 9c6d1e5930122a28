"""What can be said of the images without building them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.scratch import ROOT

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; (.*?))? \\$", re.MULTILINE)


def pins(name: str) -> dict[tuple[str, str], str]:
    """(package, marker): version, of a lock file."""
    return {(package, marker): version for package, version, marker in PIN.findall((ROOT / name).read_text())}


def test_gpu_twin_has_the_versions_of_the_training_lock_and_cuda_besides() -> None:
    train, gpu, everything = (pins(f"requirements{kind}.txt") for kind in ("-train", "-gpu", ""))
    assert train.items() <= gpu.items()
    assert {name for name, _ in gpu.keys() - everything.keys() if not name.startswith("nvidia-")} == set()
    assert {("tensorflow", ""), ("nvidia-cudnn-cu12", ""), ("nvidia-cublas-cu12", "")} <= gpu.keys()


def test_every_pin_has_a_hash() -> None:
    for name in ("requirements.txt", "requirements-train.txt", "requirements-gpu.txt"):
        entries = re.split(r"^(?=[a-z0-9-]+==)", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
        assert len(entries) > 30
        assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_build_sees_what_the_dockerfile_copies_and_no_more() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and "--from" not in line}
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored[1:]} == copied
    assert all((ROOT / name).is_file() for name in copied)


def test_revision_follows_every_ingredient() -> None:
    listed = re.search(r"ingredients=\((.*)\)", (ROOT / "container/build").read_text())
    assert listed is not None
    copied = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"]
    for name in ("Dockerfile", ".dockerignore", *copied):
        assert any(name == word or name.startswith(f"{word}/") for word in listed[1].split()), name


def test_compose_file_has_the_form_and_the_services() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"], text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert set(services) == {"repro", "repro-gpu", "test", "review"}
    assert services["repro-gpu"]["build"]["target"] == "gpu"
    assert services["repro-gpu"]["profiles"] == ["gpu"]
    assert "profiles" not in services["repro"]


def test_scripts_are_bash() -> None:
    for name in ("entry", "build"):
        done = subprocess.run(["bash", "-n", ROOT / "container" / name], text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert (ROOT / "container" / name).stat().st_mode & 0o111


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"docker": 0, "podman": 0, "buildah": 0}, "docker build"),
        ({"docker": 1, "podman": 0, "buildah": 0}, "podman build"),  # installed, but its daemon does not answer
        ({"docker": 1, "buildah": 0}, "buildah build --layers"),
        ({"buildah": 0}, "buildah build --layers"),
        ({}, None),
    ],
)
def test_image_is_built_by_the_first_engine_that_answers(
    tmp_path: Path, installed: dict[str, int], expected: str | None
) -> None:
    for name in ("bash", "env", "git", "dirname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for name, status in installed.items():
        (tmp_path / name).write_text(f'#!/usr/bin/env bash\n[ "$1" != info ] || exit {status}\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "container/build", "cpu", "--no-cache"],
        env=os.environ | {"PATH": str(tmp_path), "IMAGE": "mine:cpu"}, text=True, capture_output=True,
    )  # fmt: skip
    if expected is None:
        assert done.returncode == 1
        assert "neither podman nor buildah is installed" in done.stderr
    else:
        assert done.stdout.startswith(f"{expected} --target cpu --tag mine:cpu --build-arg REVISION=")
        assert done.stdout.endswith(" --no-cache .\n")
        assert re.search(r"REVISION=[0-9a-f]{40}(-dirty)? ", done.stdout)
