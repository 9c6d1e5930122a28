"""Finding on labels that models doubt: which, how many of them are wrong, and of which split."""

from scipy import stats

from valgap.findings.doubted import Doubted, Part, asymmetry, doubted
from valgap.findings.doubts import FOLDS, Doubts, Judged, Tally
from valgap.findings.finding import EXAMPLES, PROBLEM_SHARE, Example, Finding, Severity, Sheet, Used, listed, shown
from valgap.findings.wrong_labels import FEWEST, Limits

SKILL = 0.7  # mean recall over classes below which the model's doubts say more of it than of the labels
ABLE = 0.8  # the same, below which hard images pass for wrong labels too easily for a problem
CONFIDENCE = 0.95
TEN, FIRST = 10, 50  # flags, from the top of the list
EVEN = 0.5  # of the first FIRST flags that must be wrong, by the lower limit, for a problem
TITLE = "Suspected label errors"
MODEL = "A simple model (logistic regression and randomised trees on thumbnails)"
EFFECT = (
    "Wrong labels, learned by heart in training, are mistakes in validation: they widen the gap, and set accuracy a "
    "limit that no remedy lifts. Where training has more of them than what is held out, it looks harder."
)


def label_errors(used: Used, doubts: Doubts, outside: Judged | None = None) -> Finding[int]:
    """Labels that disagree with models that did not learn them, the likeliest to be wrong first, and how many are.

    The simple model speaks of all splits; of held-out images `outside`, predictions of the model that is checked, where
    it guesses their labels no worse.
    """
    judged = doubts.judged
    if judged is None:
        found = f"It takes two classes with {FOLDS} groups, or clusters of near duplicates, each."
        return Finding("VG108", "label_errors", TITLE, "unknown", 0, 0, "images", found, "")
    count = len(judged.images)
    if doubts.skill < SKILL:
        found = (
            f"{MODEL} is right on only {100 * doubts.skill:.0f}% of images that it has not seen, mean over classes; "
            f"below {100 * SKILL:.0f}% its doubts are not worth a look. Either images are hard for it, or very many "
            "labels are wrong."
        )
        return Finding("VG108", "label_errors", TITLE, "unknown", 0, count, "images", found, "")
    seen = doubted(doubts, outside)
    drawn = f", drawn from {len(used.index):,}," if doubts.sampled else ""
    rows = [_row(tally) for tally in doubts.tallies if tally.judged]
    found = " ".join(
        filter(
            None,
            (
                f"{MODEL}, right on {100 * doubts.skill:.0f}% of images that it has not seen, doubts "
                f"{len(doubts.worst):,} of {count:,} labels{drawn} "
                f"({listed(f'{row[3]} of {row[0]}' for row in rows)}), merely hard images too: these are suspected, "
                "not shown to be wrong.",
                _parted(doubts),
                _by_model(seen),
                _estimated(seen),
                _first(seen),
            ),
        )
    )
    headings = ("split", "suspected", "judged", "share", "95% interval", "the model is right on")
    sheet = Sheet("Suspected labels of each split (Wilson's intervals).", headings, tuple(rows))
    return Finding(
        "VG108",
        "label_errors",
        TITLE,
        severity_of(seen, doubts.skill),
        len(seen.ranked),
        count,
        "images",
        found,
        EFFECT if len(seen.ranked) else "Nothing: no label is doubted.",
        tuple(_example(used, *seen.at(number)) for number in range(min(EXAMPLES, len(seen.ranked)))),
        (sheet, *_sheet(seen)),
    )


def severity_of(seen: Doubted, skill: float) -> Severity:
    """A problem where, by lower limits, a split has wrong labels in earnest and half of the first flags are right.

    Images that are hard for the simple model pass for wrong labels: below ABLE of its skill it is no more than a hint.
    """
    if not len(seen.ranked):
        return "fine"
    flags = min(FIRST, len(seen.ranked))
    many = any(part.wrong and part.wrong.share.low >= PROBLEM_SHARE for part in seen.parts)
    sure = skill >= ABLE and many
    return "problem" if sure and flags >= TEN and seen.first(flags).low >= EVEN * flags else "worth a look"


def _parted(doubts: Doubts) -> str:
    """Which split has more suspects than another, where the intervals part."""
    pair = asymmetry(doubts.tallies, limits_of)
    if pair is None:
        return ""
    more, less = pair
    shares = [f"{100 * each.suspected / each.judged:.1f}% of {each.split}" for each in pair]
    cause = (
        "labels of training are wrong more often"
        if more.split in ("train", "pool")
        else f"labels of {more.split} are wrong more often, or its images are of another kind"
    )
    return f"It suspects clearly more of {more.split} than of {less.split}, {shares[0]} against {shares[1]}: {cause}."


def _by_model(seen: Doubted) -> str:
    those = [part for part in seen.parts if part.by_model]
    if not those:
        return ""
    named = listed(f"{len(part.suspects):,} of {len(part.judged.own):,} of {part.split}" for part in those)
    return f"Your own model, which did not learn from these, doubts {named}; of them it is the one that is listed here."


def _estimated(seen: Doubted) -> str:
    """How many labels are wrong, by split."""
    told = [
        f"{(_percent if part.alike else _at_most)(part.wrong.share)} of {part.split}"
        for part in seen.parts
        if part.wrong
    ]
    if not told:
        return ""
    unsure = not any(part.wrong and part.wrong.share.low > 0 for part in seen.parts)
    ending = " Whether any is wrong cannot be told from images that are merely hard." if unsure else ""
    return f"Estimated to be wrong: {listed(told)}.{ending}"


def _first(seen: Doubted) -> str:
    """Of ten such flags so many are wrong; of the first fifty, of all."""
    if not len(seen.ranked) or not any(part.wrong for part in seen.parts):
        return ""
    numbers = [each for each in (TEN, FIRST) if each < len(seen.ranked)]
    told = [f"of the first {each} {_count(seen.first(each))}" for each in numbers]
    told.append(f"of all {len(seen.ranked):,} {_count(seen.first(len(seen.ranked)))}")
    return f"Of these flags, the surest first, so many are wrong labels: {listed(told)}."


def _sheet(seen: Doubted) -> tuple[Sheet, ...]:
    rows = tuple(
        (
            part.split,
            "your model" if part.by_model else "a simple model",
            f"{len(part.suspects):,}",
            f"{len(part.judged.own):,}",
            _count(part.among()) if part.wrong else f"not told of fewer than {FEWEST}",
            _count(part.wrong.share.times(len(part.judged.own))) if part.wrong else "",
            "" if not part.wrong else _percent(part.wrong.share) if part.alike else _at_most(part.wrong.share),
        )
        for part in seen.parts
    )
    caption = "Labels estimated to be wrong, with 95% limits that covered the truth of planted errors."
    headings = ("split", "by", "suspected", "judged", "of them wrong", "wrong in all", "share")
    return (Sheet(caption, headings, rows),) if rows else ()


def _count(limits: Limits) -> str:
    """With its limits; the limits alone where there may be none, and a number would say too much."""
    if limits.low < 0.5:
        return f"{limits.low:,.0f} to {limits.high:,.0f}"
    return f"about {limits.mean:,.0f} ({limits.low:,.0f} to {limits.high:,.0f})"


def _percent(limits: Limits) -> str:
    if limits.low == 0:
        return f"0 to {100 * limits.high:.1f}%"
    return f"{100 * limits.mean:.1f}% ({100 * limits.low:.1f} to {100 * limits.high:.1f}%)"


def _at_most(limits: Limits) -> str:
    return f"at most {100 * limits.high:.1f}%, for its images may be of another kind,"


def limits_of(tally: Tally) -> tuple[float, float]:
    """Wilson's limits of the share of suspected labels."""
    limits = stats.binomtest(tally.suspected, tally.judged).proportion_ci(CONFIDENCE, method="wilson")
    return float(limits.low), float(limits.high)


def _row(tally: Tally) -> tuple[str, ...]:
    low, high = limits_of(tally)
    return (
        tally.split,
        f"{tally.suspected:,}",
        f"{tally.judged:,}",
        f"{100 * tally.suspected / tally.judged:.1f}%",
        f"{100 * low:.1f} to {100 * high:.1f}%",
        f"{100 * tally.right:.0f}%",
    )


def _example(used: Used, part: Part, place: int) -> Example[int]:
    judged = part.judged
    other = shown(used.source.class_names[judged.classes[judged.guess[place]]], 40)
    return Example(
        f"more like “{other}” ({100 * judged.probabilities[place].max():.0f}%)", (int(judged.images[place]),)
    )
