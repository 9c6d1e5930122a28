from pathlib import Path

import pytest

from valgap.compute import placement
from valgap.compute.placement import Placement, place, replicates_per_gpu
from valgap.ground import host
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute

AUTO, CPU, GPU = (Compute(0, device, 0, None) for device in ("auto", "cpu", "gpu"))


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "usable_cores", lambda: 8)


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the NVIDIA driver shows two of them in /proc."""
    for bus, uuid in (("0000:01:00.0", "GPU-b"), ("0000:02:00.0", "GPU-a")):
        (tmp_path / bus).mkdir()
        (tmp_path / bus / "information").write_text(f"Model: \t\t NVIDIA H100\nIRQ:   \t 18\nGPU UUID: \t {uuid}\n")
    monkeypatch.setattr(host, "GPUS", tmp_path)
    monkeypatch.setattr(host, "NVIDIA_DEVICE", tmp_path)


def test_one_process_a_core_and_never_more() -> None:
    assert place(CPU, {}) == Placement("cpu", ("",) * 8, tuple(range(8)))
    assert place(Compute(3, "cpu", 0, None), {}).slots == ("",) * 3
    assert place(Compute(99, "cpu", 0, None), {}).slots == ("",) * 8
    assert place(CPU, {}).first == Placement("cpu", ("",), (0,))


def test_device_is_the_parameter_s_or_what_the_driver_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_gpus: None
) -> None:
    assert [host.device_kind(compute, {}) for compute in (AUTO, CPU, GPU)] == ["gpu", "cpu", "gpu"]
    assert host.device_kind(AUTO, {"CUDA_VISIBLE_DEVICES": ""}) == "cpu"
    monkeypatch.setattr(host, "NVIDIA_DEVICE", tmp_path / "none")
    assert [host.device_kind(compute, {}) for compute in (AUTO, CPU, GPU)] == ["cpu", "cpu", "gpu"]


def test_processes_spread_over_the_gpus_before_they_share_one(two_gpus: None) -> None:
    assert place(Compute(0, "auto", 2, None), {}) == Placement(
        "gpu", ("GPU-a", "GPU-b", "GPU-a", "GPU-b"), (0, 1, 2, 3)
    )
    assert place(Compute(3, "gpu", 2, None), {}).slots == ("GPU-a", "GPU-b", "GPU-a")
    assert place(AUTO, {}).slots == ("GPU-a", "GPU-b") * 4
    assert host.gpu_model() == "NVIDIA H100"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [("3", ("3",)), ("1,0", ("1", "0")), ("GPU-x, 2", ("GPU-x", "2")), ("1,-1,0", ("1",)), ("", ()), ("-1", ())],
)
def test_gpus_that_the_environment_lists_are_the_only_ones(
    listed: str, expected: tuple[str, ...], two_gpus: None
) -> None:
    environment = {"CUDA_VISIBLE_DEVICES": listed}
    assert host.visible_gpus(environment) == expected
    if expected:
        assert place(Compute(0, "gpu", 1, None), environment).slots == expected
    else:
        with pytest.raises(SuiteError, match="CUDA_VISIBLE_DEVICES hides every GPU"):
            place(GPU, environment)
        assert placement.explain(GPU, environment) == "no training process"


@pytest.mark.parametrize(
    ("asked", "gpus", "cores", "expected"), [(0, 1, 16, 4), (0, 8, 16, 2), (0, 4, 2, 1), (1, 1, 64, 1), (6, 2, 4, 6)]
)
def test_gpu_is_shared_by_as_many_as_have_a_core_each(asked: int, gpus: int, cores: int, expected: int) -> None:
    assert replicates_per_gpu(Compute(0, "gpu", asked, None), gpus, cores) == expected


def test_a_share_of_the_slots(two_gpus: None) -> None:
    compute = Compute(0, "gpu", 2, None)
    shares = [place(compute, {"SUITE_SLOTS": share}).slots for share in ("0,2", "3,1")]
    assert shares == [("GPU-a", "GPU-a"), ("GPU-b", "GPU-b")]
    for wrong in ("4", "-1", "1,x", ","):
        with pytest.raises(SuiteError, match=r"SUITE_SLOTS = .* must list slots of 0 to 3"):
            place(compute, {"SUITE_SLOTS": wrong})


def test_the_choice_is_explained(two_gpus: None) -> None:
    assert placement.explain(CPU, {}) == "8 training processes, one a core"
    assert placement.explain(Compute(1, "cpu", 0, None), {}) == "1 training process, one a core, by compute.workers = 1"
    assert placement.explain(AUTO, {}) == (
        "8 training processes on 2 GPUs, 4 on each (chosen; compute.per_gpu = 1 where GPU memory is short)"
    )
    assert placement.explain(Compute(0, "gpu", 1, None), {"CUDA_VISIBLE_DEVICES": "0"}) == (
        "1 training process on 1 GPU, 1 on each (compute.per_gpu)"
    )
    cluster = Compute(0, "auto", 0, "10.0.0.1:6379")
    assert placement.explain(cluster, {}) == "replicates go to the Ray cluster at 10.0.0.1:6379"
    assert placement.address(cluster, {"RAY_ADDRESS": "auto"}) == "auto"
    assert placement.address(AUTO, {"RAY_ADDRESS": ""}) is None


@pytest.mark.parametrize(("granted", "cores"), [("max 100000", None), ("250000 100000", 2), ("50000 100000", 1)])
def test_a_container_s_quota_of_processor_time_counts(
    granted: str, cores: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)))
    (tmp_path / "cpu.max").write_text(f"{granted}\n")
    assert host.usable_cores(tmp_path / "cpu.max") == (cores or 16)
    nowhere = tmp_path / "none"
    assert host.usable_cores(nowhere, (nowhere, nowhere)) == 16


@pytest.mark.parametrize(("granted", "cores"), [("-1", 16), ("250000", 2), ("50000", 1), ("3200000", 16)])
def test_a_quota_of_the_first_control_groups_counts_where_the_second_have_none(
    granted: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)))
    first = tmp_path / "cpu.cfs_quota_us", tmp_path / "cpu.cfs_period_us"
    for path, text in zip(first, (granted, "100000"), strict=True):
        path.write_text(f"{text}\n")
    assert host.usable_cores(tmp_path / "cpu.max", first) == cores
    (tmp_path / "cpu.max").write_text("400000 100000\n")
    assert host.usable_cores(tmp_path / "cpu.max", first) == 4
