"""How a model's training read its images: what could have been, and the one test that decides among all of it."""
