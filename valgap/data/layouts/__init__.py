"""Layouts: which images, classes and splits a folder holds, as people lay them out, and what had to be assumed."""
