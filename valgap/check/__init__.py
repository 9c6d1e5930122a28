"""Saved models: loaded and scored fairly on a folder of images (`make check`), saved and proved (`make export`)."""
