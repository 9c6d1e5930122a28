"""Write a small image folder of another kind: scikit-learn's 1,797 handwritten digits as PNG files, a folder a class.

`python examples/own_images/make_images.py [folder]`; by default examples/own_images/digits. They are the test part
of Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (UCI, CC BY 4.0), 8 x 8 pixels of 17 grey
levels.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

FOLDER = Path(__file__).parent / "digits"


def write(folder: Path) -> int:
    """Write every digit to <folder>/<class>/<number>.png; return how many there are."""
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / f"digit_{label}" / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(image * 255 / 16).astype(np.uint8)).save(path)
    return len(digits.target)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    print(f"wrote {write(target):,} images to {target}")
