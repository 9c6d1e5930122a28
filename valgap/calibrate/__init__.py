"""Calibrating: how often the diagnosis names the cause that was planted, and how often it names one where none was."""
