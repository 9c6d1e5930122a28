"""Statistics: scores of predictions, intervals, references. NumPy and SciPy only."""
