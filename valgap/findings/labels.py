"""Finding on labels that a simple model doubts, and how many of each split."""

from scipy import stats

from valgap.findings.doubts import FOLDS, Doubts, Judged, Tally
from valgap.findings.finding import EXAMPLES, Example, Finding, Sheet, Used, listed, shown

SKILL = 0.7  # mean recall over classes below which the model's doubts say more of it than of the labels
SURE = 0.9  # probability of another class from which on to look first
CONFIDENCE = 0.95
TITLE = "Suspected label errors"
MODEL = "A simple model (logistic regression and randomised trees on thumbnails)"
EFFECT = (
    "Wrong labels, learned by heart in training, are mistakes in validation: they widen the gap, and set accuracy a "
    "limit that no remedy lifts. Where training has more of them than what is held out, it looks harder."
)


def label_errors(used: Used, doubts: Doubts) -> Finding[int]:
    """Labels that disagree with a simple model, the most doubtful first, and their share in each split."""
    judged, suspects = doubts.judged, doubts.worst
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
    sure = int((judged.probabilities[suspects].max(axis=1) >= SURE).sum())
    drawn = f", drawn from {len(used.index):,}," if doubts.sampled else ""
    rows = [_row(tally) for tally in doubts.tallies if tally.judged]
    found = (
        f"{MODEL}, right on {100 * doubts.skill:.0f}% of images that it has not seen, doubts {len(suspects):,} of "
        f"{count:,} labels{drawn} ({listed(f'{row[3]} of {row[0]}' for row in rows)}) and is at least "
        f"{100 * SURE:.0f}% sure of another class for {sure:,}; it doubts merely hard images too: these are suspected, "
        "not shown to be wrong."
    )
    headings = ("split", "suspected", "judged", "share", "95% interval", "the model is right on")
    sheet = Sheet("Suspected labels of each split (Wilson's intervals).", headings, tuple(rows))
    effect = EFFECT if len(suspects) else "Nothing: no label is doubted."
    return Finding(
        "VG108",
        "label_errors",
        TITLE,
        "worth a look" if len(suspects) else "fine",
        len(suspects),
        count,
        "images",
        found,
        effect,
        tuple(_example(used, judged, place) for place in suspects[:EXAMPLES].tolist()),
        (sheet,),
    )


def _row(tally: Tally) -> tuple[str, ...]:
    limits = stats.binomtest(tally.suspected, tally.judged).proportion_ci(CONFIDENCE, method="wilson")
    return (
        tally.split,
        f"{tally.suspected:,}",
        f"{tally.judged:,}",
        f"{100 * tally.suspected / tally.judged:.1f}%",
        f"{100 * limits.low:.1f} to {100 * limits.high:.1f}%",
        f"{100 * tally.right:.0f}%",
    )


def _example(used: Used, judged: Judged, place: int) -> Example[int]:
    other = shown(used.source.class_names[judged.classes[judged.guess[place]]], 40)
    return Example(
        f"more like “{other}” ({100 * judged.probabilities[place].max():.0f}%)", (int(judged.images[place]),)
    )
