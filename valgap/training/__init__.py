"""Training: the network and its knobs, augmentation of training batches, and the training loop.

A network comes from a builder (`builders`: cnn, resnet, applications, or a user's by `loading`), is held to its
`contract`, gets the `knobs` that any model takes, and starts from `pairing`'s weights. `replicate` trains: it starts a
`machine`, made of `augment`, `mixing`, `losses`, `optimizer` and `loop`. `job` is what a worker process is told.

The only room, with the workers of `compute`, that imports TensorFlow.
"""
