"""The groups of images, by a regular expression of the user's.

Python's expressions try again and again where a repeat stands in a repeat: `((?:a+)+)$` takes years on 60 letters. So
they are matched in a process of its own whose computing time is limited: another program beside it does not count, and
the limit holds in any thread.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence

from valgap.data.names import listing, shown
from valgap.ground.errors import SuiteError

SECONDS = 5  # of computing
NAMES = 100_000  # that have one more second: a hundred times what they usually take

# Prints a JSON list of what the group matches, or null, of each name; or the place of the name at which time was over.
PROGRAM = """
import json, re, resource, signal, sys

seconds, pattern, names = json.load(sys.stdin)
place = 0

def over(*_):
    json.dump(place, sys.stdout)
    sys.stdout.flush()
    sys.exit()

signal.signal(signal.SIGXCPU, over)
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
search, found = re.compile(pattern).search, []
for place, name in enumerate(names):
    match = search(name)
    found.append(match and match[1])
resource.setrlimit(resource.RLIMIT_CPU, (seconds + 5, seconds + 5))
json.dump(found, sys.stdout)
"""


def groups_of(pattern: str, names: Sequence[str]) -> list[str]:
    """What the pattern's one group matches in each name.

    Raises SuiteError listing those that it does not match, and where it takes longer than 5 s of computing, and 1 s
    more for each 100,000 names.
    """
    found = _matched(pattern, names, SECONDS + len(names) // NAMES)
    if missed := [shown(name) for name, group in zip(names, found, strict=True) if group is None]:
        why = f"it does not match the paths of {len(missed):,} images: {listing(missed)}"
        raise SuiteError(key="data.group_pattern", value=repr(pattern), why=why)
    return [group for group in found if group is not None]


def _matched(pattern: str, names: Sequence[str], seconds: int) -> list[str | None]:
    asked = json.dumps([seconds, pattern, list(names)])
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM], input=asked, capture_output=True, encoding="ascii", check=False
    )
    if ended.returncode not in (0, -signal.SIGXCPU, -signal.SIGKILL):
        raise RuntimeError(f"group_pattern could not be matched: {ended.stderr[-500:]}")
    found = json.loads(ended.stdout) if ended.returncode == 0 else 0
    if isinstance(found, list):
        return found
    raise SuiteError(
        key="data.group_pattern",
        value=repr(pattern),
        why=f"it took over {seconds} s of computing, up to path {found + 1:,} of {len(names):,}, {shown(names[found])}",
        cure="write it without a repeat in a repeat, such as (a+)+, and with what a part may hold: [^/]+ for .*",
    )
