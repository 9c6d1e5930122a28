"""Studies of how often findings are right: what is planted, and what each finding says of it."""
