import threading
import time

import pytest

from valgap.data.layouts import groups
from valgap.data.layouts.groups import groups_of
from valgap.ground.errors import SuiteError


def test_groups_are_what_the_patterns_one_group_matches() -> None:
    assert groups_of(r"(p\d+)_", ["cat/p1_a.png", "cat/p22_b.png", "é\U0001f600/p3_\\xff.png"]) == ["p1", "p22", "p3"]
    assert groups_of("(x)", []) == []
    assert groups_of("()", ["a"]) == [""]


def test_names_that_do_not_match_are_listed() -> None:
    with pytest.raises(SuiteError, match=r"'a\(b\)\|c': it does not match the paths of 2 images: c, d"):
        groups_of("a(b)|c", ["ab", "c", "d"])  # of c the group takes no part


@pytest.mark.parametrize("pattern", ["((?:a+)+)$", "(?:.*a){25}(b)"])
def test_a_pattern_that_takes_without_end_is_refused_by_the_path_that_it_is_at(
    monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setattr(groups, "SECONDS", 1)
    found: list[str] = []

    def match() -> None:  # not the main thread, in which alone Python could answer a signal
        with pytest.raises(SuiteError) as raised:
            groups_of(pattern, [f"{'a' * 80}!"])
        found.append(str(raised.value))

    start, thread = time.process_time(), threading.Thread(target=match)
    thread.start()
    thread.join()
    assert time.process_time() - start < 1  # of this process
    assert "it took over 1 s of computing, up to path 1 of 1, aaaa" in found[0]
    assert "write it without a repeat in a repeat" in found[0]


def test_many_names_take_no_time_to_speak_of() -> None:
    names = [f"train/cat/patient_{number}/scan_{number}.png" for number in range(100_000)]
    assert groups_of("patient_([0-9]+)/", names)[-1] == "99999"
