"""How many images can be scored in a share of the training time. Numbers in, numbers out."""

import dataclasses

AIM = 0.6  # of what is allowed, after an epoch: times vary, and the last score of a run takes what is left
LAST = 0.8  # of what is left, for that
SAFE = 0.9  # of the budget: the last batch may take longer than those before it
LEAST = 32  # images of each split, of which an accuracy says something


@dataclasses.dataclass
class Pace:
    """Keeps what scoring takes below `budget`, a share of the time of the epochs, all of them together.

    `wanted` is the largest number of images of each split. Seconds: `trained` in epochs, `spent` on scoring, `shortest`
    of an epoch, of which the first is slow; `each` for one image of each split, None until it was measured.
    """

    budget: float
    wanted: int
    trained: float = 0.0
    spent: float = 0.0
    shortest: float = float("inf")
    each: float | None = None
    count: int | None = None

    def epoch(self, seconds: float) -> None:
        """An epoch took so long."""
        self.trained += seconds
        self.shortest = min(self.shortest, seconds)

    @property
    def allowed(self) -> float:
        """Seconds that may be spent now."""
        return SAFE * self.budget * self.trained - self.spent

    def next_count(self) -> int:
        """Images of each split to score now, 0 where it must wait for more epochs to have passed."""
        if self.each is None:
            return self.wanted if self.allowed > 0 else 0
        fits = int(AIM * self.budget * self.shortest / self.each)
        count = max(min(fits, self.count or self.wanted, self.wanted), min(LEAST, self.wanted))
        return count if count * self.each <= self.allowed else 0

    def last_count(self) -> int:
        """Images of each split that what is left of the budget pays for."""
        return 0 if self.each is None else max(0, min(self.wanted, int(LAST * self.allowed / self.each)))

    def scored(self, count: int, seconds: float, warm: float, settled: bool) -> None:
        """Scoring `count` images of each split took `seconds`, of which `warm` were the first batches'.

        The number stays from where the length of an ordinary epoch is known (`settled`), so that epochs compare.
        """
        self.spent += seconds
        if count > 0:
            steady = seconds - warm if seconds > warm else seconds
            self.each = max(steady / count, 1e-7)
        if settled:
            self.count = count
