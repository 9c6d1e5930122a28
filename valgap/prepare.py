"""Prepare stage: the only one that knows where images come from.

Reads params.yaml (data, split, extra) and the source; writes data/prepared/: arrays/ (uint8 NHWC images, int64 labels
and groups), splits/<block>.npz (each replicate's index lists, and the images whose label is doubted), manifest.json;
and reports/audit.json, what may be wrong with the data.
"""

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.data.prepared import Manifest, Part, Suspected, write_manifest
from valgap.data.reading.journal import beside
from valgap.data.sizes import Candidates, Fixed, Sizes, candidates, resolve
from valgap.data.sources.images import Images
from valgap.data.sources.registry import chosen
from valgap.data.splits import Draw, draw_replicate, draw_test
from valgap.findings.finding import Audit
from valgap.ground import paths, streams
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz, write_npz
from valgap.ground.params import suite
from valgap.ground.params.experiment import TRANSFORMS, Data
from valgap.ground.params.split import Split
from valgap.ground.terminal import safe
from valgap.results.audit import write_audit

LISTED = 200  # dropped images that the manifest names


def prepare(data: Data, split: Split, blocks: list[int], folder: Path) -> tuple[Manifest, Audit]:
    """Write the arrays and the index lists of `blocks` below `folder`; return (manifest, audit).

    Raises SuiteError on what is wrong with the source, and when a split asks for more images than it has.
    """
    source = chosen(data)
    if source.own and data.allowed_transforms is None:
        raise SuiteError(
            "params.yaml: data.allowed_transforms is not answered: which of "
            f"{', '.join(TRANSFORMS)} leave the label of your images what it is? [] for none. A flipped 2 is no 2, a "
            "flipped X-ray has its heart on the wrong side"
        )
    arrays, splits = folder / paths.ARRAYS.name, folder / paths.SPLITS.name
    arrays.mkdir(parents=True, exist_ok=True)  # a run that was killed may have left images in it
    splits.mkdir()
    images = source.stored(data, arrays / paths.IMAGES.name)
    groups = images.groups if images.groups is not None else np.arange(len(images.labels))
    np.save(arrays / paths.LABELS.name, images.labels)
    np.save(arrays / paths.GROUPS.name, groups)

    # Readers of images import this module too, and need none of what the audit imports.
    from valgap.findings.audit import audit
    from valgap.findings.leakage import leaked
    from valgap.findings.look import look

    looked, together = None, images.groups
    before = np.where(images.given == "", "train", images.given)
    if together is None and np.any(before == "val"):  # else its re-splits would put copies on both sides
        looked = look(images, before, split.seed)
        together = looked.similar.cluster
    found = candidates(images.labels, together, images.given)
    fixed = draw_test(found, split)
    sizes = resolve(split, found, fixed)
    for block in blocks:
        drawn = [draw_replicate(found, split, sizes, replicate, fixed) for replicate in split.replicates(block)]
        write_npz(splits / paths.split_file(block).name, _lists(drawn, split.replicates(block), sizes, split.seed))
    part = split_names(found, fixed)
    if looked is None or not np.array_equal(before, part):  # other images, or other splits, than were looked at
        looked = look(images, part, split.seed)
    # In k-fold a pool's images take turns as test images: none may be left out by what was learned from the others.
    suspects = looked.doubts.suspects if split.scheme == "holdout" else looked.doubts.suspects[:0]
    for path in (splits / paths.split_file(block).name for block in blocks):
        write_npz(path, read_npz(path) | {"suspects": suspects})
    suspected, disputed = (
        {each.split: Suspected(each.suspected, each.judged) for each in tallies}
        for tallies in (looked.doubts.tallies, looked.doubts.disputes)
    )
    found_manifest = manifest(images, split, sizes, part)
    copied = tuple(np.flatnonzero(leaked(looked) & (part == "val")).tolist())
    return dataclasses.replace(found_manifest, suspected=suspected, disputed=disputed, copied=copied), audit(looked)


def _lists(drawn: list[Draw], replicates: range, sizes: Sizes, seed: int) -> dict[str, NDArray[Any]]:
    """Arrays of a block's file, by name: the index lists, and the numbers of training's streams of randomness."""
    lists = {field.name: [getattr(draw, field.name) for draw in drawn] for field in dataclasses.fields(Draw)}
    stacked = {name: np.stack(rows) for name, rows in lists.items() if rows[0] is not None}
    numbers = streams.training_numbers()
    return {
        "replicates": np.array(replicates),
        "seed": np.array(seed),
        "purposes": np.array([*numbers]),
        "purpose_numbers": np.array([*numbers.values()], np.uint64),
        "train_size": np.array(sizes.train),
        **stacked,
    }


def split_names(found: Candidates, fixed: Fixed) -> NDArray[np.str_]:
    """(n,) of "train", "val", "test", or "pool", from which train and val are drawn; "" of unused images."""
    names = np.full(len(found.labels), "", dtype="U5")
    test, rest = fixed
    names[rest] = "train" if len(found.val) else "pool"
    names[found.val], names[test] = "val", "test"
    return names


def manifest(images: Images, split: Split, sizes: Sizes, part: NDArray[np.str_]) -> Manifest:
    """What was prepared: shapes, classes, sizes, counts per class and part, and the sha256 of the source's files."""
    names = images.class_names

    def counts(of_part: str) -> Part:
        labels = images.labels[part == of_part]
        per_class = np.bincount(labels, minlength=len(names)).tolist()
        return Part(len(labels), dict(zip(names, per_class, strict=True)))

    parts = [name for name in ("pool", "train", "val", "test") if np.any(part == name)]
    pool = images.labels[np.isin(part, ("pool", "train"))]
    height, width, channels = images.images.shape[1:]
    return Manifest(
        image_shape=(height, width, channels),
        class_names=tuple(names),
        parts={name: counts(name) for name in parts},
        scheme=split.scheme,
        given_validation="val" in parts,
        groups=None if images.groups is None else len(np.unique(images.groups)),
        train_size=sizes.train,
        max_train_size=sizes.max_train,
        val_size=sizes.val,
        test_size=sizes.test,
        resplit_train_size=sizes.resplit,
        whole_pool=split.train_size == "all",
        class_sizes=tuple(np.bincount(pool, minlength=len(names)).tolist()),
        not_used=int(np.sum(part == "")),
        dropped=len(images.dropped),
        dropped_files=images.dropped[:LISTED],
        source_sha256=images.sha256,
        said=images.said or None,
    )


def _keep_images(partial: Path) -> None:
    """Remove all that a run left but images whose journal says which they are."""
    images = partial / paths.ARRAYS.name / paths.IMAGES.name
    kept = {images, beside(images)} if beside(images).is_file() else set()
    for path in [*partial.rglob("*")] if kept else []:
        if path.is_file() and path not in kept:
            path.unlink(missing_ok=True)
    shutil.rmtree(partial / paths.SPLITS.name if kept else partial, ignore_errors=True)


def main() -> None:
    """Prepare into a temporary folder, then move it into place, so that no half-written one is ever there.

    What of a user's own files was read stays where anything fails: the next run reads the others.
    """
    params = suite.load()
    partial = paths.PREPARED.with_name("prepared.partial")
    _keep_images(partial)
    try:
        content, findings = prepare(params.data, params.split, params.blocks, partial)
        write_manifest(content, partial / paths.MANIFEST.name)
        beside(partial / paths.ARRAYS.name / paths.IMAGES.name).unlink(missing_ok=True)
        temporary = paths.AUDIT.with_name(f"{paths.AUDIT.name}.partial")
        temporary.parent.mkdir(exist_ok=True)
        write_audit(findings, temporary)
        shutil.rmtree(paths.PREPARED, ignore_errors=True)
        partial.rename(paths.PREPARED)
        os.replace(temporary, paths.AUDIT)
    except OSError as error:
        raise SuiteError(f"cannot write {paths.PREPARED}: {error}; check its owner and free space") from None
    finally:
        _keep_images(partial)
    for sentence in content.said or ():
        print(safe(sentence))
    sizes = ", ".join(f"{part.images:,} {name}" for name, part in content.parts.items())
    print(f"prepared {sizes} images of {len(content.class_names)} classes")
