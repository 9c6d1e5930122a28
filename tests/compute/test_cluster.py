"""Training on a real Ray cluster of separate processes: the same bits as here, and what happens when it breaks."""

import contextlib
import dataclasses
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.test_files import pins
from tests.nodes import PATIENCE, Node, free_port
from tests.scratch import ROOT, TOY, copy_repository, run, user_environment
from valgap.compute.ray import joining, node
from valgap.compute.ray.cluster import gpu_share
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute

CELL = (sys.executable, "-m", "stages.train", "dropout", "0")
DVC = ("dvc", "repro", "--single-item", "train@dropout-0")
SLOW = {"split": TOY["split"] | {"block_size": 3}, "train": TOY["train"] | {"steps": 300, "batch_size": 32}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy with prepared data, never trained in."""
    folder = copy_repository(tmp_path_factory.mktemp("cluster"), SLOW, ["baseline", "dropout"])
    run(folder, "dvc", "repro", "models")
    return folder


@pytest.fixture(scope="module")
def local(project: Path) -> dict[str, str]:
    """What the cell gives without a cluster."""
    run(project, *CELL)
    return results(project)


@pytest.fixture
def clean(project: Path) -> Path:
    """The project without runs and replicates."""
    for name in (".replicates", "runs"):
        shutil.rmtree(project / name, ignore_errors=True)
    return project


@contextlib.contextmanager
def nodes() -> Iterator[list[Node]]:
    """A list of nodes, which are killed at the end."""
    started: list[Node] = []
    try:
        yield started
    finally:
        for one in reversed(started):
            one.kill()


def results(folder: Path) -> dict[str, str]:
    """sha256 of the cell's outputs, without durations."""
    files = [
        file for file in (folder / "runs/dropout/0").rglob("*") if file.is_file() and file.name != "telemetry.json"
    ]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def start(folder: Path, address: str, *command: str) -> subprocess.Popen[str]:
    """Start a command in the project, with RAY_ADDRESS."""
    return subprocess.Popen(
        command or CELL, cwd=folder, env=user_environment() | {"RAY_ADDRESS": address}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], status: int) -> str:
    """Wait for its end; what it printed."""
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == status, output
    return output


def wait_for(process: subprocess.Popen[str], *trains: Node) -> None:
    """Return when each of the nodes is training a replicate."""
    deadline = time.monotonic() + PATIENCE
    while not all(one.trains() for one in trains):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"no node was caught training: {process.communicate()[0]}")
        time.sleep(0.05)


@pytest.mark.slow
def test_a_node_lost_in_the_middle_and_a_worker_without_dvc_change_no_bit(
    clean: Path, local: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "dvc.py").write_text("raise ImportError('this node has no DVC')\n")
    with nodes() as started:
        head = Node(environment={"PYTHONPATH": str(tmp_path)})
        started.append(head)
        second = Node(head, environment={"PYTHONPATH": str(tmp_path)})
        started.append(second)
        process = start(clean, head.address, *DVC)
        wait_for(process, head, second)
        second.kill()
        assert "3/3 replicates" in finish(process, 0)
        assert results(clean) == local
        assert "didn't change, skipping" in run(clean, *DVC).stdout  # nor is anything left to do without the cluster


@pytest.mark.slow
def test_a_restarted_head_ends_the_run_and_the_next_one_resumes(clean: Path, local: dict[str, str]) -> None:
    with nodes() as started:
        head = Node()
        started.append(head)
        process = start(clean, head.address)
        deadline = time.monotonic() + PATIENCE
        while not list(clean.glob(".replicates/done/*")):
            assert process.poll() is None, finish(process, 0)
            assert time.monotonic() < deadline
            time.sleep(0.05)
        head.kill()
        again = Node(port=int(head.address.split(":")[1]))
        started.append(again)
        output = finish(process, 1)
        assert "is gone, or was started anew: start it and then the other nodes again" in output
        assert "finished replicates are kept, `make repro` resumes" in output
        assert not (clean / "runs").exists()
        kept = len(list(clean.glob(".replicates/done/*")))
        assert f"3 replicates, {kept} already in the store" in finish(start(clean, again.address), 0)
        assert results(clean) == local


@pytest.mark.slow
def test_nodes_that_would_make_other_numbers_are_refused_before_training(clean: Path, tmp_path: Path) -> None:
    other = tmp_path / "keras-3.0.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 3.0.0\n")
    with nodes() as started:
        head = Node()
        started.append(head)
        started.append(Node(head, environment={"PYTHONPATH": str(tmp_path)}))
        started.append(Node(head, environment={"SUITE_TRAINING_LOCK": "requirements-gpu.txt"}))
        output = finish(start(clean, head.address), 1)
        assert "these of the Ray cluster's 3 nodes cannot stand in for this machine" in output
        assert output.count("  node ") == 2
        assert "): keras 3.0.0 installed, ==3.15.1 locked" in output
        assert "): its environment is that of requirements-gpu.txt, not of requirements-train.txt" in output
        assert "1/3 replicates" not in output


def test_a_node_refused_by_a_replicate_when_it_joined_later() -> None:
    wanted = node.expected(Path("valgap/training"))
    assert node.differences(wanted) == []
    other = dataclasses.replace(wanted, lock="other.txt", lock_text="numpy==1.0\n", code="", files_digest="")
    found = "; ".join(node.differences(other))
    assert "environment is that of requirements-train.txt, not of other.txt; numpy" in found
    assert "==1.0 locked; Ray unpacked other training code there; Ray unpacked other files in model.files" in found


@contextlib.contextmanager
def full_folder(folder: Path) -> Iterator[dict[str, str]]:
    """Environment of a node without space for temporary files: a real small disk for root, else a limit."""
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=True)
        try:
            yield {"TMPDIR": str(folder)}
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    else:
        limit = "import resource, sys\nif any('default_worker' in word for word in sys.orig_argv):\n"
        (folder / "sitecustomize.py").write_text(
            limit + "    resource.setrlimit(resource.RLIMIT_FSIZE, (65536,) * 2)\n"
        )
        yield {"PYTHONPATH": str(folder), "TMPDIR": str(folder)}


@pytest.mark.slow
def test_a_full_disk_names_the_node(clean: Path, tmp_path: Path) -> None:
    with full_folder(tmp_path) as environment, nodes() as started:
        head = Node(cpus=0)
        started.append(head)
        output = finish(start(clean, head.address), 1)
        assert "has 0 CPUs and 0 GPUs, on 1 node(s); a replicate needs a CPU: start a node with --num-cpus" in output
        started.append(Node(head, environment=environment))
        output = finish(start(clean, head.address), 1)
        where = rf"{re.escape(str(tmp_path))} of node [0-9.]+ \([0-9a-f]{{8}}\)"
        named = f"no space left in {where}: free some, or start with TMPDIR set to a folder that has"
        assert re.search(named, output), output
        assert "Traceback" not in output


IN_TURN = '''
def train_files(job, images, labels, groups, environment):
    """A stand-in that needs no GPU: it ends when four run at once."""
    import json, os, time
    from pathlib import Path
    assert not images.flags.writeable, "not a copy of its own, but of the object store"
    meeting = Path("MEETING")
    (meeting / str(job.number)).touch()
    deadline = time.monotonic() + 60
    while len(list(meeting.iterdir())) < 4:
        assert time.monotonic() < deadline, "never four at once"
        time.sleep(0.05)
    return {"gpu": os.environ["CUDA_VISIBLE_DEVICES"].encode()}
'''
DRIVER = """
from pathlib import Path
import numpy as np
from valgap.training.job import Job
from valgap.compute.ray.cluster import Cluster
from valgap.ground.params.experiment import Compute
cluster = Cluster("ADDRESS", Compute(0, "auto", 2, None), Path("valgap/training"))
jobs = [Job("a", None, number, {}, np.arange(0), False, cluster.device) for number in range(4)]
print(cluster.device, sorted((number, files["gpu"].decode()) for number, files in cluster.run(jobs)))
"""


@pytest.mark.slow
def test_replicates_share_gpus_by_fractions(project: Path, tmp_path: Path) -> None:
    copy, meeting = tmp_path / "project", tmp_path / "meeting"
    meeting.mkdir()
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".git", ".dvc", "runs", ".replicates"))
    job, node = copy / "valgap/training/job.py", copy / "valgap/compute/ray/node.py"
    job.write_text(job.read_text() + IN_TURN.replace("MEETING", str(meeting)))
    node.write_text(node.read_text() + "\n\ndef start_tensorflow(device):\n    assert device == 'gpu'\n")
    with nodes() as started:
        head = Node(cpus=4, gpus=2)
        started.append(head)
        done = subprocess.run(
            [sys.executable, "-c", DRIVER.replace("ADDRESS", head.address)], cwd=copy, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        device, _, listed = done.stdout.strip().partition(" ")
        assert device == "gpu"
        assert sorted(gpu for _, gpu in eval(listed)) == ["0", "0", "1", "1"]


def test_ray_comes_with_the_versions_of_the_environment() -> None:
    locks = (pins("requirements-ray.txt"), pins("requirements.txt"))
    ours, everything = ({(name, version) for (name, _), version in lock.items()} for lock in locks)
    assert {name for name, _ in ours - everything} == {"ray", "msgpack"}  # all that the images' Ray layers install


@pytest.mark.parametrize(("per_gpu", "expected"), [(1, 1.0), (2, 0.5), (3, 0.3333), (7, 0.1428)])
def test_gpu_share_lets_exactly_so_many_on_a_gpu(per_gpu: int, expected: float) -> None:
    share = gpu_share(Compute(0, "gpu", per_gpu, None), [{"Resources": {"GPU": 1.0, "CPU": 64.0}}])
    assert share == expected
    assert per_gpu * share <= 1 < (per_gpu + 1) * share
    assert gpu_share(Compute(0, "gpu", per_gpu, None), []) == 1.0  # none there: then no node fits, and that is said


@pytest.mark.slow
def test_no_gpu_a_killed_run_and_a_vanished_last_node(clean: Path) -> None:
    params = clean / "params.yaml"
    original = params.read_text()
    with nodes() as started:
        head = Node(cpus=0)
        started.append(head)
        only = Node(head)
        started.append(only)
        try:
            params.write_text(original.replace("device: auto", "device: gpu"))
            output = finish(start(clean, head.address), 1)
        finally:
            params.write_text(original)
        assert "a replicate needs a CPU and a GPU on one node: start a node with both, or set compute.device" in output
        process = start(clean, head.address)
        wait_for(process, only)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + PATIENCE
        while only.trains():
            assert time.monotonic() < deadline, "a killed run goes on training"
            time.sleep(0.05)
        process = start(clean, head.address)
        wait_for(process, only)
        only.kill()
        output = finish(process, 1)
        assert "has 0 CPUs and 0 GPUs, on 1 node(s); a replicate needs a CPU" in output
        assert "`make repro` resumes" in output


@pytest.mark.slow
def test_no_ray_no_cluster_and_addresses_that_cannot_be(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError\n")
    done = subprocess.run(
        CELL, cwd=clean, env=os.environ | {"RAY_ADDRESS": "auto", "PYTHONPATH": str(tmp_path)}, text=True, stderr=-1
    )
    assert done.returncode == 1
    assert "Ray is not installed: run `make setup-ray`, or unset it to train on this machine" in done.stderr
    address = f"127.0.0.1:{free_port()}"
    assert f"nothing answers at RAY_ADDRESS or compute.address = {address}: start a node" in finish(
        start(clean, address), 1
    )
    assert "give host:port or auto, on a node of the cluster" in finish(start(clean, "ray://127.0.0.1:10001"), 1)


def test_what_is_sent_is_the_training_code_and_the_model_files(tmp_path: Path) -> None:
    joining.stage_code(tmp_path, Path("tests/builders.py"))
    sent = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"valgap/__init__.py", "valgap/training/job.py", "valgap/compute/ray/node.py", "tests/builders.py"} <= sent
    assert not sent & {"stages/report.py", "params.yaml", "requirements-train.txt"}
    assert not [name for name in sent if name.endswith(".pyc")]
    with pytest.raises(SuiteError, match="is not a path below"):
        joining.stage_code(tmp_path, Path("../elsewhere"))
    with pytest.raises(SuiteError, match="is not a path below"):
        joining.stage_code(tmp_path, ROOT / "valgap/training")
