"""`--preprocess module:function`: what training did to the pixels outside of the model, as a function of the user's."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError

Pixels = NDArray[np.float32]
EXAMPLE = "keras.applications.resnet50:preprocess_input"


def preprocessing(spec: str) -> Callable[[Pixels], Pixels]:
    """The function that `spec` names, `module:function`, of float32 pixels (n, h, w, c) in 0 to 255.

    What comes back takes a copy, so that a function that writes into its argument does no harm, and gives float32 of
    n, h, w, c again, h and w perhaps others. Raises SuiteError, now where there is no such function, and when called
    where it fails or gives anything else.
    """
    module, _, name = spec.partition(":")
    if not module or not name or ":" in name:
        raise SuiteError(f"--preprocess = {spec} is no function: write module:function, as in {EXAMPLE}")
    function = _found(spec, module, name)

    def apply(pixels: Pixels) -> Pixels:
        try:
            given = function(np.array(pixels, np.float32))
        except Exception as error:  # whatever a user's function does
            raise SuiteError(
                f"--preprocess = {spec} fails on float32 pixels {pixels.shape} in 0 to 255: "
                f"{type(error).__name__}: {' '.join(str(error).split())[:300]}; it is given a batch (n, h, w, channels)"
            ) from None
        return _checked(spec, given, pixels)

    return apply


def _found(spec: str, module: str, name: str) -> Callable[..., Any]:
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever a user's module does on import
        raise SuiteError(
            f"--preprocess = {spec}: {module} cannot be imported: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}; give its dotted name, as `import` takes it in this folder"
        ) from None
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each, value in vars(found).items() if callable(value) and not each.startswith("_")]
            shown = f" (it has {', '.join(sorted(known)[:10])}{', …' if len(known) > 10 else ''})" if known else ""
            raise SuiteError(f"--preprocess = {spec}: {module} has no {name}{shown}")
        found = getattr(found, part)
    if not callable(found):
        raise SuiteError(f"--preprocess = {spec} is a {type(found).__name__}, which cannot be called; name a function")
    return found


def _checked(spec: str, given: Any, pixels: Pixels) -> Pixels:
    cure = "give a function that returns the batch that it was given, changed"
    try:
        values = np.asarray(given)
    except Exception:  # a symbolic tensor, a list of several shapes
        values = np.empty(0, object)
    if values.dtype.kind not in "fiub":
        raise SuiteError(f"--preprocess = {spec} returns {type(given).__name__}, which is no array of numbers; {cure}")
    if values.ndim != 4 or len(values) != len(pixels):
        raise SuiteError(f"--preprocess = {spec} returns {values.shape} for pixels {pixels.shape}; {cure}")
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise SuiteError(f"--preprocess = {spec} returns values that are not finite; look for a division by zero")
    return values
