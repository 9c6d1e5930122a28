import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.scratch import ROOT
from valgap.compute import environment, pool, store
from valgap.compute.placement import Placement
from valgap.ground.errors import SuiteError
from valgap.ground.lifetime import die_with_parent


def publish(root: Path, key: str, content: str = "numbers") -> Path:
    return store.publish({"result": content.encode()}, root / "made", key, root)


def test_published_replicate_is_found_and_others_are_not(tmp_path: Path) -> None:
    folder = publish(tmp_path, "a")
    assert store.find("a", tmp_path) == folder
    assert (folder / "result").read_text() == "numbers"
    assert store.find("b", tmp_path) is None
    assert not (tmp_path / "made").exists()


def test_a_replicate_copied_under_another_key_is_not_used(tmp_path: Path) -> None:
    folder = publish(tmp_path, "a")
    shutil.copytree(folder, folder.with_name("b"))
    assert store.find("b", tmp_path) is None
    assert store.find("a", tmp_path) == folder


def test_a_replicate_that_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="check its owner and free space"):
        store.publish({"result": b"numbers", "no/such folder": b""}, tmp_path / "made", "a", tmp_path)
    assert store.find("a", tmp_path) is None


@pytest.mark.parametrize(
    "damage", ["truncated", "altered", "missing", "no checksums", "bad checksums", "left out", "a file", "a link"]
)
def test_damaged_replicate_is_not_used(tmp_path: Path, damage: str) -> None:
    result, checksums = (publish(tmp_path, "a") / name for name in ("result", store.CHECKSUMS))
    match damage:
        case "truncated":
            result.write_text("num")
        case "altered":
            result.write_text("numberz")
        case "missing":
            result.unlink()
        case "no checksums":
            checksums.unlink()
        case "bad checksums":
            checksums.write_text("[")
        case "left out":
            checksums.write_text(json.dumps(json.loads(checksums.read_text()) | {"sha256": {}}))
        case "a file":
            shutil.rmtree(tmp_path / "done/a")
            (tmp_path / "done/a").write_text("a plain file")
        case "a link":
            (tmp_path / "done/a").rename(tmp_path / "elsewhere")
            (tmp_path / "done/a").symlink_to(tmp_path / "elsewhere")
    assert store.find("a", tmp_path) is None
    assert not (tmp_path / "done/a").exists()
    assert store.find("a", tmp_path) != publish(tmp_path, "a", "again")
    assert store.find("a", tmp_path) is not None


def test_key_follows_everything_that_decides() -> None:
    decides = {"settings": {"steps": 1, "dropout": (0.0, 0.5)}, "replicate": 0}
    assert store.key(decides) == store.key(json.loads(json.dumps(decides)))
    assert len({store.key(decides), store.key(decides | {"replicate": 1}), store.key(decides | {"settings": {}})}) == 3


def test_code_digest_follows_content_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("room/__pycache__").mkdir(parents=True)
    Path("room/a.py").write_text("1")
    first = store.code_digest(Path("room"))
    Path("room/__pycache__/a.pyc").write_text("bytecode")
    Path("room/__pycache__/a.pyc.140234").write_text("byteco")  # as Python writes it, before it takes its name
    assert store.code_digest(Path("room")) == first
    Path("room/a.py").write_text("2")
    assert store.code_digest(Path("room")) != first
    Path("room/a.py").write_text("1")
    Path("room/a.py").rename("room/b.py")
    assert store.code_digest(Path("room")) != first


def test_scratch_is_empty_exclusive_and_gone_afterwards(tmp_path: Path) -> None:
    left = tmp_path / "partial/dropout-0/half-written"
    left.parent.mkdir(parents=True)
    left.write_text("")
    with store.cell_scratch("dropout", 0, tmp_path) as scratch:
        assert list(scratch.iterdir()) == []
        with (
            pytest.raises(SuiteError, match="dropout-0 is being trained by another process"),
            store.cell_scratch("dropout", 0, tmp_path),
        ):
            pass
        with store.cell_scratch("dropout", 1, tmp_path):
            pass
    assert not scratch.exists()


def test_unwritable_store_is_named(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.write_text("")
    with (
        pytest.raises(SuiteError, match=r"cannot write .*file: .*check its owner and free space"),
        store.cell_scratch("dropout", 0, root),
    ):
        pass


def test_a_lock_of_what_is_installed_is_met_and_what_other_systems_need_is_passed_over(tmp_path: Path) -> None:
    version = importlib.metadata.version("numpy")
    lock = tmp_path / "lock.txt"
    lock.write_text(
        f"# by a tool\nnumpy=={version} \\\n    --hash=sha256:00\nabsent-package==3 ; sys_platform == 'nowhere'\n"
    )
    environment.check_installed(lock)
    lock.write_text(lock.read_text().replace("nowhere", sys.platform))
    with pytest.raises(SuiteError, match="absent-package none installed, ==3 locked"):
        environment.check_installed(lock)


def test_the_training_lock_can_be_read() -> None:
    text = environment.lock_text(ROOT / "requirements-train.txt")
    assert {"tensorflow", "keras", "numpy"} <= {found.name for found in environment._requirements(text, "lock")}


def test_another_version_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "numpy==1.0 \\\n    --hash=sha256:00\n# comment\nnot-there==2 ; sys_platform == 'nowhere'\nabsent-package==3\n"
    )
    with pytest.raises(
        SuiteError, match=r"numpy [\d.]+ installed, ==1.0 locked; absent-package none installed"
    ) as caught:
        environment.check_installed(lock)
    assert "not-there" not in str(caught.value)
    assert "make setup" in str(caught.value)


def test_environment_names_no_host_and_no_date() -> None:
    assert set(environment.environment("cpu")) == {
        "python", "tensorflow", "keras", "numpy", "device", "processor", "system",
    }  # fmt: skip


def test_no_jobs_start_no_process() -> None:
    assert list(pool.run_jobs(die_with_parent, [], Placement("cpu", ("",), (0,)))) == []


def test_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(SuiteError, match=r"compute\.device asks for a GPU but TensorFlow sees none"):
        list(pool.run_jobs(abs, [(-1,)], Placement("gpu", ("0",), (0,))))
