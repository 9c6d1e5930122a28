"""How often what gives a class away is found (VG126): cues planted in draws of each set, and draws without any."""

from collections.abc import Callable, Mapping

import numpy as np

from valgap.calibrate.findings.cues import CUES
from valgap.calibrate.findings.draws import drawn, every
from valgap.calibrate.findings.sets import ImageSet
from valgap.findings.giveaways import giveaways
from valgap.findings.rates import Rate, Row

NAME = "shortcuts"
DRAWS = 40  # of each cue on each set, and without any


def run(sets: Mapping[str, ImageSet], seed: int, tell: Callable[[str], None], draws: int = DRAWS) -> list[Row]:
    """A row for each cue and set, and one for draws without any."""
    rows = []
    for name, source in sets.items():
        clean = [drawn(source, np.random.default_rng([seed, number])) for number in range(draws)]
        alarms = sum(bool(giveaways(each.looked, seed)) for each in clean)
        rows.append(Row("VG126", "no cue", name, alarms=Rate(alarms, draws)))
        for cue in CUES:
            found = flags = right = 0
            for draw in every(source, cue, seed, draws):
                labels = {each.label for each in giveaways(draw.looked, seed)}
                named = draw.is_named(labels)
                found, flags, right = found + named, flags + bool(labels), right + named
            rows.append(Row("VG126", cue, name, Rate(found, draws), Rate(right, flags)))
            tell(f"{name}, {cue}: {found} of {draws} found")
        tell(f"{name}: {alarms} of {draws} draws without a cue flagged")
    return rows
