"""The predictions of one variant, as all statistics take them."""

from typing import Any

from numpy.typing import NDArray

Run = dict[str, NDArray[Any]]  # arrays by name, all replicates stacked on axis 0
