"""Where the images of the built-in sources lie."""

from pathlib import Path

EMBEDDED = Path("data/embedded/fashion_mnist_15k.npz.xz")
DOWNLOADS = Path("data/downloads")
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
