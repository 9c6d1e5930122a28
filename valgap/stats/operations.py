"""What training costs in computation, whatever the machine."""


def training_operations(steps: int, batch_size: int, forward_flops: int) -> int:
    """Optimizer steps x images a step x floating-point operations of one image's forward pass.

    A unit to compare variants in: a backward pass costs all networks about the same multiple of their forward pass.
    """
    return steps * batch_size * forward_flops
