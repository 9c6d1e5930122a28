"""YAML files that are small on disk and huge in memory are refused at once."""

import re
import textwrap
import time
from pathlib import Path

import pytest

from tests.scratch import ROOT
from valgap.ground.params.bounds import DEPTH, ENTRIES, excess
from valgap.ground.params.schema import ParamsError
from valgap.ground.params.suite import load

PARAMS = (ROOT / "params.yaml").read_text()


def aliases(width: int, depth: int) -> str:
    """Lists of aliases of lists: width ** depth entries."""
    lines = [f"a0: &a0 [{', '.join(['1'] * width)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth)]
    return "\n".join(lines) + "\n"


def merges(width: int, depth: int) -> str:
    """Mappings that merge mappings, each many times."""
    lines = [f"m0: &m0 {{{', '.join(f'k{n}: 1' for n in range(width))}}}"]
    lines += [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * width)}]}}" for n in range(1, depth)]
    return "\n".join(lines) + "\n"


TOO_MUCH = {
    "aliases": (aliases(9, 9), "has over 10,000 entries, with those that its aliases stand for, up to line"),
    "merges": (merges(50, 5), "has over 10,000 entries, with those that its aliases stand for, up to line"),
    "brackets": (f"x: {'[' * 5000}{']' * 5000}\n", "is nested over 30 deep, in line"),
    "braces": (f"x: {'{a: ' * 5000}{'}' * 5000}\n", "is nested over 30 deep, in line"),
    "dashes": (f"x:\n  {'- ' * 5000}1\n", "is nested over 30 deep, in line"),
    "a million items": (f"x: [{', '.join(['1'] * 10**6)}]\n", "has over 1,000,000 bytes"),
    "a million keys": ("x:\n" + "".join(f" k{n}: 1\n" for n in range(10**6)), "has over 1,000,000 bytes"),
    "20,000 variants": ("x:\n" + "".join(f" k{n}: {{}}\n" for n in range(20_000)), "has over 10,000 entries"),
    "itself": ("x: &x [*x]\n", r"has an alias inside of what it stands for, \*x in line"),
    "nothing": ("x: *x\n", "is not valid YAML: found undefined alias"),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_params_file_of_too_much_is_refused_within_a_second(tmp_path: Path, what: str) -> None:
    text, message = TOO_MUCH[what]
    inside = re.sub(r"(?m)^variants:.*$", lambda found: f"{found[0]}\n  bomb:\n{textwrap.indent(text, '    ')}", PARAMS)
    assert inside != PARAMS
    for place in (PARAMS + text, inside):
        (tmp_path / "params.yaml").write_text(place)
        start = time.process_time()
        with pytest.raises(ParamsError, match=message):
            load(tmp_path / "params.yaml")
        assert time.process_time() - start < 1


def test_aliases_count_for_what_they_stand_for() -> None:
    assert excess("a: &a [1, 2]\nb: [*a, *a]\n") == ""
    inner = f"a: &a [{', '.join(['1'] * 999)}]\n"  # 1,001 entries with its key and itself
    assert excess(inner + f"b: [{', '.join(['*a'] * 8)}]\n") == ""
    assert excess(inner + f"b: [{', '.join(['*a'] * 9)}]\n").startswith(f"has over {ENTRIES:,} entries")


def test_depth_is_counted_from_the_top() -> None:
    assert excess("[" * DEPTH + "]" * DEPTH) == ""
    assert excess("[" * (DEPTH + 1) + "]" * (DEPTH + 1)) == "is nested over 30 deep, in line 1"


def test_the_suites_own_file_is_far_from_the_bounds() -> None:
    assert excess(PARAMS) == ""
    assert len(PARAMS) < 100_000
