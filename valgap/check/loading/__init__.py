"""Loads whatever model people have: Keras 3 and Keras 2 files of any name, SavedModel folders; and what they say.

Files are told by what is in them, never by their suffix.
"""

from valgap.check.loading.compiled import Compiled, compiled_in_file, compiled_of
from valgap.check.loading.files import check_file, check_outside
from valgap.check.loading.model import load_model
from valgap.check.loading.own import custom_objects

__all__ = ["Compiled", "check_file", "check_outside", "compiled_in_file", "compiled_of", "custom_objects", "load_model"]
