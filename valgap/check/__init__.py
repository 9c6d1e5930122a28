"""Saved models: loaded and scored fairly on a folder of images (`valgap check`), saved and proved (`valgap export`)."""
