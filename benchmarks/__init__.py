"""Benchmarking: what this suite trains in a second, beside the usual ways to train, on the same cores at one time."""
