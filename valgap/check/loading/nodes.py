"""Constants that a description gives to a layer as inputs: numbers are, texts may be paths. Pure functions."""

from collections.abc import Iterator, Mapping
from typing import Any

INPUTS = "inbound_nodes"
NUMBERS = ("__tensor__", "__numpy__")
OF_TEXTS = ("string", "str", "bytes", "object", "O", "S", "U")  # what such values may be of, in TensorFlow and NumPy


def texts(nodes: Any) -> Iterator[str]:
    """Every text among the constant inputs of a layer's nodes, as Keras 3 or Keras 2 writes these.

    Names of other layers, in references to their outputs, are none. Keras 3 writes a node as a mapping, and references
    only within its descriptions of tensors; Keras 2 writes lists of them.
    """
    waiting, of_keras3 = [nodes], isinstance(nodes, list) and any(isinstance(node, dict) for node in nodes)
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, list):
            waiting += part[1:] if not of_keras3 and _is_reference(part) else part
        elif isinstance(part, dict):
            if isinstance(part.get("class_name"), str):
                waiting += _of_object(part)
            else:
                waiting += part.values()


def _is_reference(part: list[Any]) -> bool:
    """["layer", node, tensor], perhaps with keyword arguments; a constant has -1 for the node."""
    return len(part) in (3, 4) and isinstance(part[0], str) and isinstance(part[1], int)


def _of_object(part: Mapping[str, Any]) -> list[Any]:
    """What may hold texts of an object that is an input; what it is called is looked at elsewhere."""
    kind, config = part["class_name"], part.get("config")
    if kind == "function":
        return []
    if kind == "__keras_tensor__" and isinstance(config, dict):
        history, known = config.get("keras_history"), ("shape", "dtype", "keras_history", "name", "sparse", "ragged")
        reference = [] if isinstance(history, list) and _is_reference(history) else [history]
        return [*reference, config.get("shape"), *(value for key, value in config.items() if key not in known)]
    if kind in NUMBERS and isinstance(config, dict):
        dtype = str(config.get("dtype")).lstrip("<>|=")
        return [config.get("value"), *([dtype] if dtype.rstrip("0123456789") in OF_TEXTS else [])]
    return [value for key, value in part.items() if key not in ("class_name", "module", "registered_name")]
