"""Reproducing: the pipeline through DVC's own commands, one after another or several cells side by side."""
