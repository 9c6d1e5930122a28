"""`python -m tests.container.prove`: build the cpu image for real, and run the suite in it as a user who is not root.

Then two containers of the image with Ray make a cluster.
Needs root and Debian's buildah and debootstrap. With `gpu` as argument it builds that image too (several GB), and
opens its CUDA libraries. Prints what it measured; ends with an error on the first thing that does not hold.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.container.engine import ENVIRONMENT, Container, build, call, make_base, require
from tests.nodes import free_port
from tests.scratch import ROOT, TOY, copy_repository, read_params, run, write_params
from valgap.selfcheck import CUDA_LIBRARIES, DRIVER_LIBRARY

USER, GROUP = 12345, 12346  # of nobody in the image's /etc/passwd
LARGEST = {"cpu": 2.6e9, "gpu": 8.5e9}  # bytes, uncompressed
CLUSTER_IMAGE = "localhost/overfitting-suite-proof:cpu-ray"
LONGEST_REBUILD = 20  # seconds, after a change of code
PATIENCE = 300  # seconds until something that must happen is given up
SLOW: dict[str, dict[str, Any]] = {
    "split": TOY["split"] | {"block_size": 3},
    "train": TOY["train"] | {"steps": 600, "batch_size": 32},
}
VARIANTS = ["baseline", "dropout"]
OF_THE_ENVIRONMENT = {"run.json", "provenance.json", "report.md", "report.html", "telemetry.json"}  # they name it


def own(folder: Path, user: int = USER, group: int = GROUP) -> Path:
    """Give a folder and all below it to a user."""
    call("chown", "-R", f"{user}:{group}", str(folder))
    return folder


def clone(target: Path) -> Path:
    """A clone of the committed state."""
    call("git", "clone", "--quiet", str(ROOT), str(target))
    return target


def size(container: Container) -> int:
    """Bytes of an image's files."""
    return int(call("du", "--summarize", "--bytes", str(container.root)).split()[0])


def results(folder: Path) -> dict[str, str]:
    """sha256 of every result that holds numbers alone.

    PNGs are left out: the fonts of the system draw their letters, and their SVGs are here.
    """
    files = [path for top in ("runs", "reports") for path in sorted((folder / top).rglob("*")) if path.is_file()]
    files = [path for path in files if path.name not in OF_THE_ENVIRONMENT and path.suffix != ".png"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def built(target: str, scratch: Path) -> Container:
    """Build a target from a clone, check its size and labels, and that a change of code rebuilds nothing."""
    source, image = clone(scratch / f"source-{target}"), f"overfitting-suite-proof:{target}"
    start = time.monotonic()
    build(target, image, source)
    first = time.monotonic() - start
    (source / "stages/train.py").write_text("# changed\n")
    start = time.monotonic()
    build(target, image, source)
    again = time.monotonic() - start
    container = Container(image)
    bytes_used = size(container)
    print(f"{target}: {bytes_used / 1e9:.2f} GB, built in {first:.0f} s, after a change of code in {again:.1f} s")
    assert again < LONGEST_REBUILD, again
    assert bytes_used < LARGEST[target], bytes_used
    revision = container.labels["org.opencontainers.image.revision"]
    assert len(revision) == 40, revision  # a commit, without -dirty: only code changed
    assert container.labels["org.opencontainers.image.licenses"] == "MIT"
    compilers = [name for name in ("gcc", "cc", "g++", "pip") if list(container.root.glob(f"*/bin/{name}"))]
    assert compilers == [], compilers
    return container


def users(container: Container, scratch: Path) -> None:
    """The owner, a uid without a name, another uid, a root-owned clone, no clone, a worktree, a host's .venv."""
    workspace = own(clone(scratch / "clone"))
    (workspace / ".venv/bin").mkdir(parents=True)
    (workspace / ".venv/bin/python").write_text("the host's, of another system\n")
    own(workspace)
    line = container.run(workspace, "id").stderr.strip().splitlines()[-1]
    print(line)
    assert line.startswith("image cpu "), line
    for user in (None, f"{USER}", f"{USER}:{GROUP}"):
        done = container.run(workspace, "sh", "-c", "id -u; git status --short; dvc status prepare", user=user)
        assert done.stdout.startswith(f"{USER}\nprepare"), done.stdout
        assert "image cpu" in container.run(workspace, "make", "self-check", user=user).stdout
    done = container.run(workspace, "dvc", "status", user="4242", fails=True)
    assert f"belongs to user {USER}, and you are user 4242" in done.stderr, done.stderr
    rooted = clone(scratch / "rooted")
    assert container.run(rooted, "sh", "-c", "id -u; dvc status prepare").stdout.startswith("0\nprepare")
    empty = scratch / "empty"
    empty.mkdir()
    assert "holds no clone of this suite" in container.run(empty, "dvc", "repro", fails=True).stderr
    shutil.rmtree(workspace / ".git")
    (workspace / ".git").write_text("gitdir: /elsewhere/.git/worktrees/clone\n")
    done = container.run(own(workspace), "dvc", "status", fails=True)
    assert "/elsewhere/.git/worktrees/clone, which is not mounted here" in done.stderr, done.stderr


def smoke(container: Container, scratch: Path) -> None:
    """`make smoke` in the container."""
    start = time.monotonic()
    output = container.run(own(clone(scratch / "smoke")), "make", "smoke").stdout
    print(f"make smoke: {time.monotonic() - start:.0f} s, {output.strip().splitlines()[-1]}")


def repro_killed(container: Container, scratch: Path) -> Path:
    """The default command, stopped half-way and run again; the workspace."""
    workspace = own(copy_repository(scratch / "inside", SLOW, VARIANTS))
    start = time.monotonic()
    with (scratch / "log").open("w") as log:
        process = subprocess.Popen(container.command(workspace), env=ENVIRONMENT, stdout=log, stderr=log)
        while not list((workspace / ".replicates/done").glob("*")):
            assert process.poll() is None, (scratch / "log").read_text()
            assert time.monotonic() < start + PATIENCE, (scratch / "log").read_text()
            time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        (init,) = (child for child in family if child.name() == "tini")
        init.send_signal(signal.SIGTERM)  # as `docker stop` does
        process.wait(PATIENCE)
        psutil.wait_procs(family, PATIENCE)
    done = len(list((workspace / ".replicates/done").glob("*")))
    assert not any(child.is_running() for child in family), "an orphan"
    assert done < 2 * SLOW["split"]["block_size"], "it was not half-way"
    output = container.run(workspace).stdout
    left = 2 * SLOW["split"]["block_size"] - done
    assert f"\n{left} replicate{'s' * (left != 1)} of " in output, output  # the finished are not trained again
    assert "up to date" in container.run(workspace, "dvc", "status").stdout
    print(
        f"dvc repro: stopped after {done} of 6 replicates, finished by a second run, {time.monotonic() - start:.0f} s"
    )
    return workspace


def main(targets: list[str]) -> None:
    """Prove the cpu image, and the gpu image where named."""
    require()
    make_base()
    with tempfile.TemporaryDirectory(prefix="proof-") as name:
        scratch = Path(name)
        scratch.chmod(0o755)
        container = built("cpu", scratch)
        marker = scratch / "marker"
        marker.touch()
        users(container, scratch)
        smoke(container, scratch)
        workspace = repro_killed(container, scratch)
        foreign = call("find", str(workspace), "!", "-user", str(USER))
        assert foreign == "", f"not the owner's: {foreign}"
        outside(container, marker)
        host = copy_repository(scratch / "host", SLOW, VARIANTS)
        write_params(host, read_params(workspace))
        run(host, "dvc", "repro")
        here, there = results(host), results(workspace)
        assert len(here) > 20, here
        assert here == there, sorted(key for key in here | there if here.get(key) != there.get(key))
        print(f"results: {len(here)} files bit-identical to those of this host's environment")
        container.remove()
        prove_cluster(scratch, workspace)
        if "gpu" in targets:
            prove_gpu(scratch)


def outside(container: Container, marker: Path) -> None:
    """Nothing but the user's entry in /etc/passwd was written outside the workspace, the caches and /tmp."""
    kept = ["tmp", "home/suite", "var/tmp/dvc", "proc", "sys", "dev", "run"]
    pruned = [word for name in kept for word in ("-path", str(container.root / name), "-prune", "-o")]
    found = call(
        "find", str(container.root), "-xdev", *pruned, "-newer", str(marker), "!", "-type", "d", "-print"
    ).split()  # fmt: skip
    assert [path.removeprefix(str(container.root)) for path in found] == ["/etc/passwd"], found


def prove_cluster(scratch: Path, trained: Path) -> None:
    """Two containers with Ray, one without a clone, leave the bits of the workspace that was `trained` before."""
    build("cpu-ray", CLUSTER_IMAGE)
    inside, bare = copy_repository(scratch / "head", SLOW, VARIANTS), scratch / "node"
    write_params(inside, read_params(trained))
    bare.mkdir()
    containers, started, address = [Container(CLUSTER_IMAGE) for _ in range(2)], [], f"127.0.0.1:{free_port()}"
    start = time.monotonic()
    try:
        roles = (["--head", f"--port={address.split(':')[1]}", "--include-dashboard=false"], [f"--address={address}"])
        for container, folder, role in zip(containers, (inside, bare), roles, strict=True):
            started.append(start_node(container, own(folder), role, scratch / f"{folder.name}.log"))
        output = containers[0].run(inside, "env", f"RAY_ADDRESS={address}", "dvc", "repro").stdout
        assert "3/3 replicates" in output, output
    finally:
        family = [child for one in started for child in psutil.Process(one.pid).children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, PATIENCE)
        for one in started:
            one.wait(PATIENCE)
    found, expected = results(inside), results(trained)
    assert found == expected, sorted(key for key in found | expected if found.get(key) != expected.get(key))
    print(
        f"cpu-ray: {size(containers[0]) / 1e9:.2f} GB; a cluster of two containers, one without a clone: "
        f"{len(found)} files bit-identical, {time.monotonic() - start:.0f} s"
    )
    for container in containers:
        container.remove()


def start_node(container: Container, folder: Path, role: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """A running Ray node of one CPU, as docs/cluster.md starts it, by the user who owns the folder."""
    flags = ["--num-cpus=1", "--object-store-memory=100000000", f"--temp-dir=/tmp/{folder.name}", "--block"]
    mounted = [f"--volume={folder}:/workspace", f"--user={USER}:{GROUP}", container.name]
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["buildah", "run", *mounted, "--", "ray", "start", *role, *flags],
            env=ENVIRONMENT, stdout=output, stderr=output,
        )  # fmt: skip
    deadline = time.monotonic() + PATIENCE
    while "Ray runtime started" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return process


def prove_gpu(scratch: Path) -> None:
    """Every CUDA library that TensorFlow asks for opens, but the driver's; without a GPU the self-check says so."""
    container = built("gpu", scratch)
    workspace = own(copy_repository(scratch / "gpu", TOY, ["baseline"]))
    code = f"import ctypes\nfor name in {CUDA_LIBRARIES!r}: ctypes.CDLL(name)\nprint('all open')"
    done = container.run(workspace, "python", "-c", code)
    assert done.stdout.endswith("all open\n"), done.stdout
    print(done.stderr.strip().splitlines()[-1])
    code = f"import ctypes; ctypes.CDLL({DRIVER_LIBRARY!r})"
    assert "cannot open shared object file" in container.run(workspace, "python", "-c", code, fails=True).stderr
    write_params(
        workspace, read_params(workspace) | {"compute": {"workers": 0, "device": "gpu", "per_gpu": 0, "address": None}}
    )
    done = container.run(workspace, "dvc", "repro", fails=True)
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("error: compute.device = gpu"))
    assert "no NVIDIA GPU is visible" in error, error
    print(error)
    container.remove()


if __name__ == "__main__":
    os.umask(0o022)
    main(sys.argv[1:])
