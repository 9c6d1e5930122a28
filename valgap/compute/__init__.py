"""Compute: where replicates run and what is kept of them. Nothing here may change a number."""
