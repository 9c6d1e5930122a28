"""What a model, an input pipeline and a training history give away: pure rules that return what they saw."""
