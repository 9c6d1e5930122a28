"""Audit: what in the images themselves may make or hide a gap, before anything is trained."""
