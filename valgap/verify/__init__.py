"""Verifying: whether a retraining elsewhere gives what reports/ claim."""
