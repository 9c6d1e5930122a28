"""What is read of a processor."""

from pathlib import Path

import pytest

from valgap.ground.host import has_bfloat16


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16 sve\n", True),
        ("flags\t\t: fpu avx2 avx512f\n\nprocessor : 1\nflags\t\t: avx512_bf16\n", False),
        ("Features\t: fp asimd sve\n", False),
    ],
)
def test_bfloat16_is_a_flag_of_the_first_core(tmp_path: Path, text: str, found: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{text}")
    assert has_bfloat16(tmp_path / "cpuinfo") is found


def test_a_system_that_does_not_tell_is_not_taken_to_have_it(tmp_path: Path) -> None:
    assert not has_bfloat16(tmp_path / "none")
