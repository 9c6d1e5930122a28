"""The same network in PyTorch, in a child process: `python -m benchmarks.torch_training <folder> <threads>`.

Runs in any interpreter, 3.10 or later, that has PyTorch and NumPy. Eager, channels last, fused Adam, the images in
memory as float32: what a careful user of PyTorch would write.
"""

import functools
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.child import Work, serve
from benchmarks.images import BATCH, LEARNING_RATE, Pair, read_images, steps_of, unit
from benchmarks.networks import NETWORKS, PARAMETERS, images_of
from benchmarks.torch_networks import network_of


def start(folder: Path, threads: int) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """The training of the source's CNN without augmentation; of the other networks, with their numbers of parameters.

    Those are built when they are first asked for.
    """
    torch: Any = importlib.import_module("torch")  # not among the suite's requirements, so without types
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    channels_last = torch.channels_last

    def training(name: str, pair: Pair) -> tuple[Work, int]:
        """(passes over these images in batches that are all full, the network's parameters)."""
        network, base = network_of(name, torch)
        parts = [part.to(memory_format=channels_last) for part in (network, base) if part is not None]
        kept = [*(part.state_dict().values() for part in parts)]  # with the moving statistics, as Keras counts
        parameters = sum(each.numel() for values in kept for each in values if each.is_floating_point())
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
        images = torch.from_numpy(unit(pair[0])).permute(0, 3, 1, 2).contiguous(memory_format=channels_last)
        labels = torch.from_numpy(pair[1])

        def passes(epochs: int) -> float:
            steps = steps_of(epochs, len(labels))
            shuffled = [torch.randperm(len(labels)) for _ in range(epochs + 1)]
            order = torch.cat(shuffled)[: steps * BATCH].reshape(steps, BATCH)
            for rows in order:
                values = images[rows]
                if base is not None:
                    with torch.no_grad():
                        values = base(values)
                optimizer.zero_grad(set_to_none=True)
                torch.nn.functional.cross_entropy(network(values), labels[rows]).backward()
                optimizer.step()
            return float(order.numel())

        return passes, parameters

    @functools.cache
    def other(name: str) -> tuple[Work, int]:
        return training(name, images_of(NETWORKS[name]))

    def modes_of(name: str) -> dict[str, Work]:
        return {name: lambda epochs: other(name)[0](epochs), f"{name}/{PARAMETERS}": lambda _: float(other(name)[1])}

    modes = {"plain": training("small", read_images(folder)["train"])[0]}
    for name in NETWORKS:
        modes |= modes_of(name)
    return modes, {"torch": torch.__version__}


if __name__ == "__main__":
    serve(lambda: start(Path(sys.argv[1]), int(sys.argv[2])))
