"""From what was found and what fits to the draft of params.yaml, and to what is said beside it."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from valgap.data.names import shown
from valgap.ground.params.causes import IMBALANCED
from valgap.ground.params.questions import FILL_IN
from valgap.init import fitting, writing
from valgap.init.arms import Arm
from valgap.init.builder import Builder
from valgap.init.photos import Photos
from valgap.init.sizing import Drawn, imbalance
from valgap.init.writing import Draft, Line

SAFE = ("shift", "zoom")  # transforms that leave nearly any label what it is, where they are small
LEARNING_RATE = 0.001
LISTED = 3  # unreadable files, or classes, that a sentence names


@dataclasses.dataclass(frozen=True)
class Chosen:
    """All that a draft is made from."""

    command: str
    photos: Photos
    builder: Builder
    drawn: Drawn
    plan: fitting.Plan
    batch: int

    @property
    def labels(self) -> list[int]:
        """Labels of the images to train on, a drawn test set's among them."""
        found: list[int] = self.photos.found.labels[self.photos.found.train].tolist()
        return found


def draft(chosen: Chosen) -> Draft:
    """The file as it is to be written."""
    plan = chosen.plan
    return Draft(
        found=(
            f"Written by `{chosen.command}`. What is not here has its default: `valgap params` shows all.",
            _summary(chosen),
        ),
        data=tuple(_data(chosen)),
        split=_split(chosen),
        model=Line("model", chosen.builder.keys, _of_model(chosen.builder)),
        train=tuple(_train(chosen)),
        arms=tuple(option.arm for option in plan.options),
        steps=plan.steps,
        unequal=imbalance(chosen.labels) > IMBALANCED,
    )


def _summary(chosen: Chosen) -> str:
    found, photos = chosen.photos.found, chosen.photos
    parts = {
        "train" if photos.given else "images": len(found.train),
        "val": len(found.val),
        "test": len(found.test),
    }
    counts = np.bincount(chosen.labels, minlength=len(photos.class_names))
    least, most = (shown(photos.class_names[int(place)])[:40] for place in (counts.argmin(), counts.argmax()))
    sizes = (
        f"{counts.min():,} ({least}) to {counts.max():,} ({most})" if counts.min() < counts.max() else f"{counts[0]:,}"
    )
    return f"Found: {writing.numbers(parts)}, {len(photos.class_names)} classes of {sizes} images, {_colour(photos)}."


def _colour(photos: Photos) -> str:
    return "grey" if photos.grey else "colour"


def _data(chosen: Chosen) -> Iterator[Line]:
    photos, size = chosen.photos, chosen.plan.scale.size
    place = photos.place
    yield Line("source", "folder" if place.table is None else "table")
    yield Line("path", place.path)
    yield Line("table", place.table)
    yield Line("group_column", place.group_column, "of one group never on both sides of a drawn split")
    if size is not None:
        yield Line("image_size", list(size), _of_size(photos, size))
    yield Line(
        "color", "grey" if photos.grey and not photos.files_grey else "auto", "files say colour, no pixel has any"
    )
    if photos.unreadable:
        why = f"{len(photos.unreadable):,} cannot be used: {_named([each.name for each in photos.unreadable])}"
        yield Line("on_unreadable", "skip", why)
    if (groups := photos.guess) and groups.sure:
        why = f"{groups.groups:,} groups: never on both sides of a drawn split"
        yield Line("group_pattern", groups.pattern, why)
    elif groups and not photos.given:
        why = f"are {' and '.join(map(shown, groups.example))} of one thing? then '{groups.pattern}', else null"
        yield Line("group_pattern", FILL_IN, why)
    why = "changes that keep nearly any label; if flips or turns do too, add them here and to variants"
    yield Line("allowed_transforms", list(SAFE), why)


def _of_size(photos: Photos, size: tuple[int, int]) -> str:
    widths, heights = zip(*photos.sizes, strict=True)
    files = f"{min(widths)} to {max(widths)} wide, {min(heights)} to {max(heights)} high"
    if len(photos.sizes) == 1:
        files = f"{widths[0]} x {heights[0]}"
    larger = next((each for each in photos.scales if each is None or each[0] > size[0]), size)
    more = "; larger for a larger --budget" if larger != size else ""
    return f"height, width; files are {files}{more}"


def _split(chosen: Chosen) -> Line:
    plan, photos = chosen.plan, chosen.photos
    keys = dict(chosen.drawn.keys)
    if plan.train is not None:
        keys |= {"train_size": plan.train, "max_train_factor": 2}
    keys |= {"block_size": plan.block_size, "blocks": list(plan.blocks), "exploratory_blocks": []}
    if photos.given:
        why = f"your {' and '.join(photos.given)} images as they are"
        why += "".join(f", {name} images from training" for name in ("val", "test") if name not in photos.given)
    elif chosen.drawn.kfold:
        why = "few images: each fold is the test set once"
    else:
        why = "drawn from all images"
    part = f", trained on {plan.train:,} of {len(photos.found.train):,} for the budget" if plan.train else ""
    return Line("split", keys, f"{why}{part}; each variant is trained {plan.replicates} times")


def _of_model(builder: Builder) -> str:
    if builder.own:
        return "a small CNN; for your own: valgap init --model my.net:build"
    return ""


def _train(chosen: Chosen) -> Iterator[Line]:
    plan, images = chosen.plan, chosen.plan.train or chosen.drawn.sizes.train
    passes = plan.steps * chosen.batch / images
    yield Line("steps", plan.steps, f"about {passes:.0f} epochs of {images:,} images at batch {chosen.batch}")
    yield Line("batch_size", chosen.batch)
    yield Line("schedule", "cosine", "to zero: arms then differ by less chance than at a constant rate")


def _named(names: Sequence[str]) -> str:
    some = [shown(name)[-60:] for name in names[:LISTED]]
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(some) + more


def left_out(options: Sequence[Arm], plan: fitting.Plan, refused: Sequence[str]) -> list[str]:
    """Sentences on the arms that are not in the file, and why."""
    taken = {option.arm.name for option in plan.options}
    pair = {"half_data", "double_data"}
    dear = [
        arm.name
        for arm in options
        if arm.name not in taken and arm.name not in refused and not (arm.name in pair and pair & taken)
    ]
    found = []
    if refused:
        found.append(
            f"the network does not answer to: {', '.join(refused)} (docs/network.md says what a builder is asked)"
        )
    if dear:
        found.append(f"left out for the budget, or to keep the file short: {', '.join(dear)}")
    return found
