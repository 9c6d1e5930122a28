"""`GapCallback`: the fair gap while `fit` runs. Its class is made when it is first asked for, for it needs Keras."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valgap.check.callback.gap import GapCallback

__all__ = ["GapCallback"]


if not TYPE_CHECKING:  # or every name would have a type

    def __getattr__(name: str) -> Any:
        if name == "GapCallback":
            from valgap.check.callback.gap import GapCallback

            return GapCallback
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
