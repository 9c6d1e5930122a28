"""Model: the network and its knobs, augmentation of training batches, and the training loop.

A network comes from a builder (`builders`: cnn, resnet, applications, or a user's by `loading`), is held to its
`contract`, gets the `knobs` that any model takes, and starts from `pairing`'s weights. `examination` and `bites` are
what the models stage asks before anything is trained. `replicate` trains: `augment`, `mixing`, `losses`, `loop`.

The only room, with the workers of `compute`, that imports TensorFlow.
"""
