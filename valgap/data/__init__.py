"""Data: where images come from, how they are split, and how prepared arrays are read back."""
