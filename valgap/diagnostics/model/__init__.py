"""What a network gives away: rules over a model of Keras 3 or of tf_keras, its compile configuration, and its outputs.

What looks into a model leaves it as it was. What judges gets numbers and returns `Seen`, or None.
"""
