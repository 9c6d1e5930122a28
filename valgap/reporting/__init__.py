"""Reports: of all that the tables hold, or of what is trained so far."""
