"""Finding on labels that a simple model doubts: confident learning on predictions of images it has not seen.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", by cleanlab: from
predictions beyond each class's mean confidence it estimates how many labels are wrong, by class and by pair of
classes, and suspects the least likely of both. Measured on 15,000 images of Fashion-MNIST with 5% of the labels
changed at random: 644 of the 731 changed ones are suspected, and 1,164 others; where the model is at least 90% sure
of another class, 229 and 50. With none changed, 1,163 are suspected.
"""

import dataclasses
import warnings

import numpy as np
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
from numpy.typing import NDArray
from sklearn.decomposition import PCA  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.findings import pixels
from valgap.findings.finding import EXAMPLES, Example, Finding, Used, shown
from valgap.ground.streams import interleave

Index = NDArray[np.int64]
LARGEST = 20_000  # images that are looked at, at most: a sample, stratified by class
FOLDS = 5
CELLS = 14  # blocks along each side of the thumbnails that the model sees
COMPONENTS = 60  # principal components of them
PENALTY = 0.1  # inverse strength of the L2 penalty on standardised components
LEAST = 1e-9  # of the largest variance of a component: below it is rounding
STEPS = 200  # of the optimizer; an unfinished fit predicts nearly as well
SKILL = 0.7  # mean recall over classes below which the model's doubts say more of it than of the labels
SURE = 0.9  # probability of another class from which on to look first
TITLE = "Suspected label errors"
EFFECT = (
    "Wrong labels, learned by heart in training, are mistakes in validation: they widen the gap, and set accuracy a "
    "limit that no remedy lifts."
)


@dataclasses.dataclass(frozen=True)
class Judged:
    """Images with a prediction from a model that saw neither them nor their cluster.

    `images` (q,) are places among the used ones, `classes` (k,) the labels that have such images, `probabilities`
    (q, k) what the model gives each, `own` (q,) the column of an image's own label.
    """

    images: Index
    classes: Index
    probabilities: NDArray[np.float64]
    own: Index


def label_errors(used: Used, cluster: Index, seed: int) -> Finding[int]:
    """Labels that disagree with a simple model, the most doubtful first; (m,) `cluster` are folded as a whole."""
    rng = np.random.default_rng(seed)
    sample = np.sort(interleave(used.labels, rng)[:LARGEST])
    judged = predict(used, sample, cluster, rng)
    if judged is None:
        found = f"It takes two classes with {FOLDS} groups, or clusters of near duplicates, each."
        return Finding("VG108", "label_errors", TITLE, "unknown", 0, 0, "images", found, "")
    guess, count = judged.probabilities.argmax(axis=1), len(judged.images)
    right = np.bincount(judged.own, guess == judged.own) / np.bincount(judged.own)
    skill = float(right.mean())
    if skill < SKILL:
        found = (
            f"A simple model (logistic regression on thumbnails) is right on only {100 * skill:.0f}% of "
            f"images that it has not seen, mean over classes; below {100 * SKILL:.0f}% its doubts are not worth a look."
        )
        return Finding("VG108", "label_errors", TITLE, "unknown", 0, count, "images", found, "")
    suspects = suspected(judged)
    sure = int(np.sum(judged.probabilities[suspects].max(axis=1) >= SURE))
    drawn = f", drawn from {len(used.index):,}," if len(sample) < len(used.index) else ""
    found = (
        f"A simple model (logistic regression on thumbnails), right on {100 * skill:.0f}% of images that it has not "
        f"seen, doubts {len(suspects):,} of {count:,} labels{drawn} and is at least {100 * SURE:.0f}% sure of another "
        f"class for {sure:,}; it doubts merely hard images too: these are suspected, not shown to be wrong."
    )
    examples = []
    for place in suspects[:EXAMPLES]:
        other = shown(used.source.class_names[judged.classes[guess[place]]], 40)
        caption = f"more like “{other}” ({100 * judged.probabilities[place].max():.0f}%)"
        examples.append(Example(caption, (int(judged.images[place]),)))
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
        tuple(examples),
    )


def suspected(judged: Judged) -> Index:
    """Places within `judged` of the suspected ones, the lowest margin first."""
    ranked = find_label_issues(
        judged.own, judged.probabilities, return_indices_ranked_by="normalized_margin", filter_by="both", n_jobs=1
    )
    ranked = np.asarray(ranked, np.int64)
    return ranked[judged.probabilities[ranked].argmax(axis=1) != judged.own[ranked]]


def predict(used: Used, sample: Index, cluster: Index, rng: np.random.Generator) -> Judged | None:
    """Cross-validated predictions of the used images at (q,) `sample`; None where too little can be judged.

    Clusters are dealt to folds class by class. Images of a class with fewer clusters than folds are left out, and
    those whose class the model of the other folds has never met.
    """
    label = used.labels[sample]
    member = np.unique(cluster[sample], return_inverse=True)[1]
    enough = np.zeros(len(used.source.class_names), np.bool_)
    for each in np.unique(label):
        enough[each] = len(np.unique(member[label == each])) >= FOLDS
    kept = enough[label]
    sample, label, member = sample[kept], label[kept], member[kept]
    classes, own = np.unique(label, return_inverse=True)
    if len(classes) < 2:
        return None
    features = _features(used, sample)
    fold = _folds(own, member, rng)
    probabilities, met = np.zeros((len(sample), len(classes))), np.zeros(len(sample), np.bool_)
    for number in range(FOLDS):
        held, seen = fold == number, np.unique(own[fold != number])
        if not held.any() or len(seen) < 2 or not np.ptp(features[~held], axis=0).any():
            continue
        predicted = _fit(features[~held], own[~held], features[held])
        probabilities[np.ix_(held, seen)] = predicted
        met[held] = np.isin(own[held], seen)
    columns, own = np.unique(own[met], return_inverse=True)
    if len(columns) < 2:
        return None
    probabilities = probabilities[met][:, columns]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Judged(sample[met], classes[columns], probabilities, own.astype(np.int64))


def _features(used: Used, sample: Index) -> NDArray[np.float32]:
    rows = [
        pixels.block_means(read, CELLS).reshape(len(read), -1) / 255
        for _, read in pixels.parts(used.source.images, used.index[sample])
    ]
    return np.concatenate(rows)


def _folds(own: Index, member: Index, rng: np.random.Generator) -> Index:
    """The fold of each image: clusters, by the class of their first image, dealt like cards."""
    clusters, first = np.unique(member, return_index=True)
    fold = np.empty(len(clusters), np.int64)
    for each in np.unique(own[first]):
        those = rng.permutation(np.flatnonzero(own[first] == each))
        fold[those] = (np.arange(len(those)) + rng.integers(FOLDS)) % FOLDS
    return fold[np.searchsorted(clusters, member)]


def _fit(features: NDArray[np.float32], own: Index, unseen: NDArray[np.float32]) -> NDArray[np.float64]:
    kept = min(COMPONENTS, *features.shape, _rank(features))
    model = make_pipeline(
        PCA(kept, svd_solver="full" if len(features) <= 500 else "covariance_eigh"),
        StandardScaler(),
        LogisticRegression(C=PENALTY, max_iter=STEPS, tol=1e-3),
    )
    with threadpool_limits(1), warnings.catch_warnings():  # the number of cores must not decide a digit
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit(features, own).predict_proba(unseen), np.float64)


def _rank(features: NDArray[np.float32]) -> int:
    """Directions in which (n, d) features vary at all, at least one: others have no spread to divide by."""
    spread = np.linalg.eigvalsh(np.cov(features.astype(np.float64), rowvar=False).reshape(features.shape[1], -1))
    return max(int(np.sum(spread > LEAST * spread[-1])), 1)
