"""The child's end of the benchmark: a process that waits, trains when it is told to, and says how much.

Reads requests from standard input and answers on standard output, a JSON object a line. Needs Python alone, so that
another interpreter can run it.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from valgap.ground.lifetime import die_with_parent

Work = Callable[[int], float]  # epochs -> images trained, or operations done


def serve(start: Callable[[], tuple[Mapping[str, Work], dict[str, Any]]]) -> None:
    """Answer requests until the parent closes the pipe; `start` gives the work by mode, and facts for the report.

    What libraries print goes to standard error, for standard output carries the answers.
    """
    die_with_parent(os.getppid())
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work, facts = start()

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    answer(facts)
    for line in sys.stdin:
        request = json.loads(line)
        answer({"amount": work[request["mode"]](request["epochs"])})
