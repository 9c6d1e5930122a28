"""What training costs in computation, whatever the machine."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a variant's network costs: parameters, and floating-point operations of a forward pass."""

    parameters: int
    forward_flops: int


Costs = Mapping[str, Cost]  # by variant


def training_operations(steps: int, batch_size: int, forward_flops: int) -> int:
    """Optimizer steps x images a step x floating-point operations of one image's forward pass.

    A unit to compare variants in: a backward pass costs all networks about the same multiple of their forward pass.
    """
    return steps * batch_size * forward_flops
