"""The same network in PyTorch, in a child process: `python -m benchmarks.torch_training <folder> <threads>`.

Runs in any interpreter, 3.10 or later, that has PyTorch and NumPy. Eager, channels last, fused Adam, the images in
memory as float32: what a careful user of PyTorch would write.
"""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.child import Work, serve
from benchmarks.images import BATCH, CLASSES, LEARNING_RATE, read_images, steps_of, unit


def start(folder: Path, threads: int) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """The training of the source's CNN without augmentation, in batches that are all full."""
    torch: Any = importlib.import_module("torch")  # not among the suite's requirements, so without types
    nn = torch.nn
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, CLASSES),
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    pixels, classes = read_images(folder)["train"]
    images = torch.from_numpy(unit(pixels)).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(classes)

    def plain(epochs: int) -> float:
        steps = steps_of(epochs, len(labels))
        passes = [torch.randperm(len(labels)) for _ in range(epochs + 1)]
        order = torch.cat(passes)[: steps * BATCH].reshape(steps, BATCH)
        for rows in order:
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimizer.step()
        return float(order.numel())

    facts = {"torch": torch.__version__, "parameters": sum(weight.numel() for weight in network.parameters())}
    return {"plain": plain}, facts


if __name__ == "__main__":
    serve(lambda: start(Path(sys.argv[1]), int(sys.argv[2])))
