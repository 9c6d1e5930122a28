"""The registry of trials: every fault at three doses, pairs of faults, and healthy or placebo trials.

A trial's seed follows from its name. Half of the trials of every kind and dose are `rules`, on which thresholds may be
fixed; the others are `judged`.
"""

import dataclasses
import hashlib
from collections import defaultdict
from typing import Literal

from valgap.calibrate.faults import FAULTS, PLACEBOS
from valgap.calibrate.settings import USUAL

Kind = Literal["fault", "pair", "healthy"]
Half = Literal["rules", "judged"]
DOSES = ("weak", "middle", "strong")
AGAIN = (1,)  # doses of which every fault has a second trial
HEALTHY = 64  # trials: with none of 32 a half that names a cause, Wilson's upper limit is 10.7%
DATA_SEEDS = 5  # draws of images a setting that its trials share, so that a clean twin is trained once
SAMPLE = "sample"  # the word that chooses a dozen quick trials of all kinds
SAMPLED = 12
PAIRS = (  # which two, at which dose of each; faults that a program may well have together
    ("labels_uniform", "wrong_augmentation"),
    ("labels_pairwise", "rate_low"),
    ("few_steps", "excessive_augmentation"),
    ("few_images", "dropout_overdone"),
    ("starved", "labels_uniform"),
    ("camera", "labels_pairwise"),
    ("camera", "rate_low"),
    ("wrong_augmentation", "starved"),
)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One trial to be run: what is planted at which dose (from 0), in which setting.

    `given` says that the file brings validation images; `placebo` names the harmless change of a healthy trial; `seed`
    draws images and replicates; trials of a setting with one seed have the same clean twin.
    """

    name: str
    kind: Kind
    setting: str
    planted: tuple[tuple[str, int], ...]
    given: bool
    seed: int
    half: Half = "rules"
    placebo: str = ""

    @property
    def dose(self) -> str:
        """What the dose of its faults is called; empty where nothing is planted."""
        return DOSES[self.planted[0][1]] if self.planted else ""


def all_scenarios() -> dict[str, Scenario]:
    """All trials by name, in an order of kinds; each has its half."""
    return {scenario.name: scenario for scenario in _halved([*_single(), *_pairs(), *_healthy()])}


def sampled() -> list[Scenario]:
    """A dozen of the quickest trials, on digits: half of them healthy, the others of different faults."""
    quick = [scenario for scenario in all_scenarios().values() if scenario.setting == "digits-cnn"]
    healthy = [scenario for scenario in quick if scenario.kind == "healthy"][: SAMPLED // 2]
    faults = {scenario.planted[0][0]: scenario for scenario in quick if scenario.kind == "fault"}
    return [*healthy, *list(faults.values())[: SAMPLED - len(healthy)]]


def _single() -> list[Scenario]:
    """Each fault once a dose, in turn over the settings, and twice at those of AGAIN, in another setting."""
    found = []
    for place, fault in enumerate(FAULTS.values()):
        settings = fault.settings or USUAL
        for dose in range(len(DOSES)):
            for again in (0, 1) if dose in AGAIN else (0,):
                turn = place + dose + 2 * again
                given = fault.form == "given" or (fault.form == "any" and turn % 3 == 0)
                number = again if len(settings) < len(USUAL) else 0  # where a setting comes again
                setting = settings[(turn + again * (len(settings) < 4)) % len(settings)]
                seed = _seed(setting, f"shared {(place + number) % DATA_SEEDS}")
                name = f"{fault.name}-{DOSES[dose]}-{setting}" + ("-again" if again else "")
                found.append(Scenario(name, "fault", setting, ((fault.name, dose),), given, seed))
    return found


def _pairs() -> list[Scenario]:
    found = []
    for place, (first, second) in enumerate(PAIRS):
        for dose in (1, 2):
            setting = USUAL[(place + dose) % len(USUAL)]
            given = "given" in (FAULTS[first].form, FAULTS[second].form)
            name = f"{first}+{second}-{DOSES[dose]}-{setting}"
            planted = ((first, dose), (second, dose))
            found.append(
                Scenario(name, "pair", setting, planted, given, _seed(setting, f"shared {place % DATA_SEEDS}"))
            )
    return found


def _healthy() -> list[Scenario]:
    """Nothing and each placebo in turn, over the settings, every third with given validation; each of its own seed."""
    found, names = [], ["nothing", *PLACEBOS]  # twice as many of nothing as of a placebo
    for number in range(HEALTHY):
        setting = USUAL[number % len(USUAL)]
        placebo = names[(number // len(USUAL)) % len(names)]
        name = f"healthy-{placebo}-{setting}-{number}"
        found.append(Scenario(name, "healthy", setting, (), number % 3 == 0, _seed(setting, name), placebo=placebo))
    return found


def _halved(scenarios: list[Scenario]) -> list[Scenario]:
    """Halves in turn within each kind and dose, and within healthy trials within each setting and placebo."""
    counts: dict[tuple[str, ...], int] = defaultdict(int)
    halved = []
    for scenario in scenarios:
        group = (scenario.kind, scenario.dose, scenario.setting if scenario.kind == "healthy" else "")
        half: Half = "rules" if counts[group] % 2 == 0 else "judged"
        counts[group] += 1
        halved.append(dataclasses.replace(scenario, half=half))
    return halved


def _seed(*words: str) -> int:
    """A seed of its own for these words, in [0, 2**32)."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:4], "little")
