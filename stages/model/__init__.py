"""Model: the network and its knobs, augmentation of training batches, and the training loop.

The only room, with the workers of `compute`, that imports TensorFlow.
"""
