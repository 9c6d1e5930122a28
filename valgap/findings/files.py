"""Findings on what the image files are: whether it gives classes away, or differs between splits."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.data.sources.images import Files
from valgap.findings.counts import CLASSES
from valgap.findings.finding import HELD_OUT, Finding, Severity, Sheet, Used, listed, shown
from valgap.findings.known_by import ALPHA, KnownBy, known_by

Index = NDArray[np.int64]
KNOWN = 0.9  # balanced accuracy from which on a class is as good as known
GUESSED, OWN = 0.65, 0.75  # from which on it can be guessed: by kinds, and by sizes where most images have their own
REPEATED = 0.5  # share of images whose size another image has: from here on sizes are kinds
BINS = 8  # of area, and of width over height
LOSSY = ("JPEG", "MPO", "WEBP", "AVIF", "HEIF", "JPEG2000")
GREY = ("1", "L", "LA", "La", "I", "I;16", "F")
APART, CLEAR = 0.05, 0.5  # difference between shares of splits: worth a look, and a problem
NAMED = 6  # classes in a sentence
COMMON = 3  # kinds of a class in the table
BY_TRACES = (
    "A network can go by what compression, colours or resizing leave in the pixels, instead of what is shown: right "
    "here, on training and validation alike, and wrong where files do not tell the class. The gap does not show it. "
    "Save all images alike, or take every class from every source."
)
TURNED = (
    "Keras passes over the tag and sees such images on their side or upside down; who follows it sees them upright. "
    "Where one split has it and another has not, validation images look otherwise than training images, and that alone "
    "makes a gap. Turn the pixels themselves, in all files."
)
HIDDEN = (
    "Transparent pixels look as the reader chooses: Keras shows the colour that is hidden there, others white or "
    "black. Where one split or class has them and another has not, a network can go by the background. Lay all images "
    "on one."
)


@dataclasses.dataclass(frozen=True)
class Look:
    """One property of files, and how well it tells each class; `sure` where it leaves a trace that tells one."""

    what: str
    found: KnownBy
    told: Index
    sure: bool


def findings(used: Used, seed: int) -> list[Finding[int]]:
    """The findings that need to know each image's file; none for images that come from arrays."""
    if used.source.files is None:
        return []
    files = _of(used.source.files, used.index)
    return [known(used, files, seed), orientation(used, files), transparency(used, files, seed)]


def known(used: Used, files: Files, seed: int) -> Finding[int]:
    """Whether a class is known by its files' format, mode or size, among the images to learn from."""
    kinds = np.array([f"{one}, {mode}" for one, mode in zip(files.format, files.mode, strict=True)])
    parts = [
        part
        for part in (
            _told(used, "format and mode", _numbered(kinds), GUESSED, _numbered(_traces(files, used)), seed),
            _sizes(used, files.size, seed),
        )
        if len(part.told)
    ]
    severity: Severity = "fine" if not parts else "problem" if any(part.sure for part in parts) else "worth a look"
    found, effect = (
        "Format, mode and size of a file say little of its class.",
        "Nothing: a network gains little by them.",
    )
    if parts:
        words = listed(f"by {part.what} {_classes(used, part)}" for part in parts)
        found = (
            f"A class is told from all others {words}: balanced accuracy on images kept back for it, of "
            f"{len(_among(used)):,}; by chance it is 50%."
        )
        effect = BY_TRACES
    count = len({int(each) for part in parts for each in part.told})
    return Finding(
        "VG117", "known_by_files", "Classes known by their files", severity, count, len(used.source.class_names),
        "classes", found, effect, tables=_table(used, kinds, files.size) if parts else (),
    )  # fmt: skip


def orientation(used: Used, files: Files) -> Finding[int]:
    """EXIF orientation of the files, by split."""
    tagged = files.orientation > 1
    severity, found, table = _by_split(used, tagged, "carry an EXIF orientation")
    effect = TURNED if severity != "fine" else "Nothing: splits do not differ in it."
    return Finding(
        "VG118", "orientation", "EXIF orientation of splits", severity, int(tagged.sum()), len(tagged), "images",
        found, effect, tables=table,
    )  # fmt: skip


def transparency(used: Used, files: Files, seed: int) -> Finding[int]:
    """Transparent files, by split, and whether they give a class away."""
    severity, found, table = _by_split(used, files.transparent, "have pixels that are not opaque")
    by = _told(used, "transparency", files.transparent.astype(np.int64), GUESSED, None, seed)
    if len(by.told):
        found += f" By it a class is told from all others: {_classes(used, by)} (balanced accuracy)."
        severity = "problem" if by.sure or severity == "problem" else "worth a look"
    effect = HIDDEN if severity != "fine" else "Nothing: neither splits nor classes differ in it."
    return Finding(
        "VG119", "transparency", "Transparency of splits and classes", severity, int(files.transparent.sum()),
        len(files.transparent), "images", found, effect, tables=table,
    )  # fmt: skip


def _of(files: Files, index: Index) -> Files:
    own = {field.name: getattr(files, field.name) for field in dataclasses.fields(files)}
    some: dict[str, Any] = {name: None if values is None else values[index] for name, values in own.items()}
    return Files(**some)


def _among(used: Used) -> Index:
    """Places of the images to learn from; of all, where there are none."""
    return np.flatnonzero(used.learned if used.learned.any() else np.ones(len(used.index), np.bool_))


def _numbered(texts: NDArray[np.str_]) -> Index:
    return np.unique(texts, return_inverse=True)[1].astype(np.int64)


def _traces(files: Files, used: Used) -> NDArray[np.str_]:
    """What format and mode leave in the pixels: losses, a palette, and no colour, which shows among colour images."""
    colour = used.source.images.shape[3] > 1
    return np.array([
        f"{one in LOSSY} {one == 'GIF' or mode in ('P', 'PA')} {colour and mode in GREY}"
        for one, mode in zip(files.format.tolist(), files.mode.tolist(), strict=True)
    ])  # fmt: skip


def _told(used: Used, what: str, kind: Index, least: float, trace: Index | None, seed: int) -> Look:
    """The classes that the (m,) `kind` tells; surely where `trace`, the kind itself if None, leaves little doubt."""
    among, classes = _among(used), len(used.source.class_names)
    groups = None if used.groups is None else used.groups[among]
    found = known_by(kind[among], used.labels[among], classes, groups, seed)
    left = found if trace is None else known_by(trace[among], used.labels[among], classes, groups, seed)
    sure = found.beyond & (found.balanced >= KNOWN)  # one known class makes the others guessable: it is meant alone
    told = np.flatnonzero(sure if sure.any() else found.beyond & (found.balanced >= least))
    return Look(what, found, told, bool(np.any((left.beyond & (left.balanced >= KNOWN))[told])))


def _sizes(used: Used, size: Index, seed: int) -> Look:
    """What sizes tell: themselves where they come again and again, else area and shape, which things have by nature."""
    among = _among(used)
    _, sized, count = np.unique(size, axis=0, return_inverse=True, return_counts=True)
    if len(among) and float(np.mean(count[sized.ravel()] > 1)) >= REPEATED:
        return _told(used, "size", sized.ravel().astype(np.int64), GUESSED, None, seed)
    area, shape = size.prod(axis=1), size[:, 0] / np.maximum(size[:, 1], 1)
    binned = np.zeros(len(size), np.int64)
    for values in (area, shape):
        binned = binned * BINS + np.searchsorted(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]), values)
    found = _told(used, "size", binned, OWN, None, seed)
    return dataclasses.replace(found, sure=False)


def _classes(used: Used, part: Look) -> str:
    """Classes with their balanced accuracy, the best known first."""
    order = part.told[np.argsort(-part.found.balanced[part.told], kind="stable")]
    names = used.source.class_names
    texts = [f"“{shown(names[each])}” in {100 * part.found.balanced[each]:.0f}%" for each in order[:NAMED].tolist()]
    return listed([*texts, *([f"{len(order) - NAMED:,} more"] if len(order) > NAMED else [])])


def _table(used: Used, kinds: NDArray[np.str_], size: Index) -> tuple[Sheet, ...]:
    """The commonest kinds and sizes of each class among the images to learn from."""
    among = _among(used)
    sizes = np.array([f"{width} × {height}" for width, height in size.tolist()])
    rows = []
    for label, name in enumerate(used.source.class_names[:CLASSES]):
        own = among[used.labels[among] == label]
        rows.append((shown(name), _commonest(kinds[own]), _commonest(sizes[own]), f"{len(own):,}"))
    headings = ("class", "format and mode", "width × height", "images")
    return (Sheet("The commonest kinds of file of each class, among the images to learn from.", headings, tuple(rows)),)


def _commonest(kinds: NDArray[np.str_]) -> str:
    names, counts = np.unique(kinds, return_counts=True)
    order = np.lexsort((names, -counts))
    rest = f"; {len(names) - COMMON:,} more" if len(names) > COMMON else ""
    return "; ".join(f"{names[each]}: {counts[each]:,}" for each in order[:COMMON]) + rest


def _by_split(used: Used, has: NDArray[np.bool_], words: str) -> tuple[Severity, str, tuple[Sheet, ...]]:
    """How many images of each split `has` (m,) marks, and whether a held-out one differs from those to learn from."""
    severity: Severity = "fine"
    rows, texts = [], []
    for name in used.present:
        count, of = int(np.sum(has[used.split == name])), int(np.sum(used.split == name))
        rows.append((name, f"{count:,}", f"{of:,}", f"{100 * count / of:.1f}"))
        texts.append(f"{count:,} of {of:,} {name} images")
    learned = has[used.learned]
    for name in HELD_OUT:
        held = has[used.split == name]
        if not len(held) or not len(learned):
            continue
        difference = abs(float(held.mean()) - float(learned.mean()))
        table = [[int(side.sum()), int(np.sum(~side))] for side in (learned, held)]
        if difference >= APART and float(stats.fisher_exact(table).pvalue) < ALPHA:
            severity = "problem" if difference >= CLEAR or severity == "problem" else "worth a look"
    found = f"{listed(texts or ['0 images'])} {words}."
    sheet = Sheet(f"Images that {words}, by split.", ("split", "images", "of", "%"), tuple(rows))
    return severity, found, (sheet,) if has.any() else ()
