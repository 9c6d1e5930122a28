"""Asks the rules on models about a loaded one, on a sample of training images as they were read."""

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from valgap.check.loading import Compiled
from valgap.check.network import Network
from valgap.check.prediction import Outputs, roles
from valgap.check.reading import Read
from valgap.data.sources.images import Images
from valgap.diagnostics.model import initial, losses, modes, normalisation, steadiness, units
from valgap.diagnostics.model.divided import divided_twice
from valgap.diagnostics.model.layers import all_layers, has_kernel, is_normalising
from valgap.diagnostics.reading.readings import PLAIN, Scale
from valgap.diagnostics.seen import Seen

TOGETHER = 16  # images that are answered together and apart, or again and again
WATCHED = 2  # images on whose way through the network every layer is watched


def look(
    network: Network,
    compiled: Compiled | None,
    images: Images,
    splits: NDArray[np.str_],
    read: Read,
    outputs: Outputs,
    fed: Scale | None,
) -> tuple[Seen, ...]:
    """What the rules see, given the outputs (n, k) of all images; `fed` is the range that is fed, where it is known."""
    rows = np.concatenate([read.rows["choose"], read.rows["confirm"]])
    fitted = splits == roles(splits)[0]
    sample = [network.as_input(each) for each in read.batches(images.images, rows)]
    unsteady = _unsteady(network, images, read)
    found = [
        units.not_finite(network.model, sample[0]),
        _initial(network),
        *_losses(network, compiled, outputs, len(images.class_names)),
        units.one_class(_guesses(outputs[fitted]), images.labels[fitted], images.class_names),
        units.dead_units(units.firing(network.model, sample), len(rows)),
        unsteady,
        *(() if unsteady else _modes(network, images, read)),  # modes differ by chance then
        _divided(network, read, images, fed),
    ]
    return tuple(each for each in found if each is not None)


def _initial(network: Network) -> Seen | None:
    """Initial weights; not of a head alone where there are several, of which the user asks about another."""
    seen = initial.initial_weights(initial.look(network.model))
    several = len(getattr(network.model, "outputs", None) or ()) > 1
    return None if seen is not None and several and seen.evidence["part"] != "all" else seen


def _guesses(outputs: Outputs) -> NDArray[np.int64]:
    """The class that each row of outputs names."""
    if outputs.shape[1] > 1:
        return outputs.argmax(axis=1)
    middle = 0.5 if outputs.min() >= 0 and outputs.max() <= 1 else 0.0
    return (outputs[:, 0] > middle).astype(np.int64)


def _losses(network: Network, compiled: Compiled | None, outputs: Outputs, classes: int) -> Iterator[Seen | None]:
    last = losses.last_of(network.model, outputs)
    if compiled is not None:
        yield losses.misleading_metric(last, compiled.metrics, compiled.loss, classes)
    yield losses.mismatched(last, compiled.loss if compiled else None, compiled.from_logits if compiled else None)


def _unsteady(network: Network, images: Images, read: Read) -> Seen | None:
    """Whether the same images get other answers in a second pass.

    What adds noise of some size for pixels up to 1 makes another range seem right, where it is drowned: both are asked.
    """
    reading, rows = read.decision.reading, read.rows["confirm"]
    for way in dict.fromkeys((reading, reading.but(scale="0-1") if network.preprocess is None else reading)):
        few = read.batches(images.images, rows[:TOGETHER], way)
        if few and steadiness.varies(functools.partial(network.outputs, few[0])):
            batches = read.batches(images.images, rows, way)
            first, second = (_guesses(np.concatenate([network.outputs(batch) for batch in batches])) for _ in range(2))
            layer = steadiness.random_layer(network.model, network.as_input(few[0][:WATCHED]))
            return steadiness.unsteady(first, second, layer, as_read=way == reading)
    return None


def _modes(network: Network, images: Images, read: Read) -> Iterator[Seen | None]:
    """What differs between training and inference mode."""
    layers = [layer for layer in all_layers(network.model) if is_normalising(layer)]
    if not layers:
        return
    rows = read.rows["confirm"]
    batches = read.batches(images.images, rows)
    inputs = [network.as_input(batch) for batch in batches]
    together = inputs[0][:TOGETHER]
    if len(together) >= 4 and modes.depends_on_others(network.model, together, network.pick):
        alone = _guesses(network.outputs(batches[0][: len(batches[0]) // 2]))
        changed = float(np.mean(_guesses(network.outputs(batches[0]))[: len(alone)] != alone))
        yield normalisation.batch_decides(changed, len(alone), [str(layer.name) for layer in layers])
        return
    if not network.normalises or read.decision.at_chance:
        return
    labels = read.decision.order[images.labels[rows]]
    training, inference = (
        np.concatenate([answer(batch) for batch in batches])
        for answer in (network.outputs_in_training, network.outputs)
    )
    fits, held = (network.guesses(each, images.class_names) == labels for each in (training, inference))
    renewed = modes.re_estimated(
        network.model, inputs, lambda: np.concatenate([network.outputs(batch) for batch in batches])
    )
    frozen = [str(one.name) for one in all_layers(network.model) if has_kernel(one) and not one.trainable]
    yield normalisation.lagging(
        fits,
        held,
        modes.statistics(network.model, inputs),
        float(np.mean(network.guesses(renewed, images.class_names) == labels)),
        frozen,
    )


def _divided(network: Network, read: Read, images: Images, fed: Scale | None) -> Seen | None:
    """Whether pixels are divided twice, where the range was searched for, or is fed."""
    if network.preprocess is not None or read.decision.reading.scale not in PLAIN:
        return None
    reading = read.decision.reading
    small = reading if reading.scale != "0-255" else reading.but(scale="0-1")
    labels = read.decision.order[images.labels[read.rows["confirm"]]]
    right_small, right_large = (
        read.trials(each, "confirm").argmax(axis=1) == labels for each in (small, reading.but(scale="0-255"))
    )
    return divided_twice(network.inside, right_small, right_large, fed if fed in PLAIN else None)
