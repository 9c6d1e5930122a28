"""Block `split` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valgap.ground.params.fields import Natural, Positive, Size
from valgap.ground.params.schema import STRICT, ParamsError

MAX_SEED = 2**63 - 1


@dataclass(frozen=True, config=STRICT)
class Split:
    """Block `split`: replicates, and the sizes of what each of them draws.

    A size is a number of images, a fraction of those it is drawn from, or `all` of them.
    """

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 1
    block_size: Positive = 3
    blocks: Annotated[tuple[Natural, ...], Field(min_length=1)] = (0, 1)
    exploratory_blocks: tuple[Natural, ...] = ()
    scheme: Literal["holdout", "kfold"] = "holdout"
    folds: Annotated[int, Field(ge=2, le=1000)] = 5
    train_size: Positive | Literal["all"] = "all"
    max_train_factor: Annotated[float, Field(ge=1)] = 3.0
    val_size: Size = 0.2
    test_size: Size = 0.2

    def __post_init__(self) -> None:
        for name, blocks in (("blocks", self.blocks), ("exploratory_blocks", self.exploratory_blocks)):
            if len(set(blocks)) != len(blocks):
                raise ParamsError(f"params.yaml: split.{name} = {list(blocks)} repeats a block")
        if alone := sorted(set(self.exploratory_blocks) - set(self.blocks)):
            raise ParamsError(
                f"params.yaml: split.exploratory_blocks = {list(self.exploratory_blocks)} has {alone}, which "
                f"split.blocks = {list(self.blocks)} lacks: exploratory variants are compared on shared replicates"
            )

    def replicates(self, block: int) -> range:
        """Numbers of the replicates in `block`; they never depend on which other blocks exist."""
        return range(block * self.block_size, (block + 1) * self.block_size)
