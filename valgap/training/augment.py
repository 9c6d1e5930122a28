"""Random affine warps of training batches, equal in distribution to Keras's ImageDataGenerator.

One projective transform a batch with the composed matrix of every image, outside the model, so that
validation and test pixels cannot pass through it.
"""

import math

import tensorflow as tf

from valgap.ground.params.experiment import Augmentation

PARAMETERS = 9  # of the warp of an image
TURNS = (1.0, 0.0, -1.0, 0.0), (0.0, 1.0, 0.0, -1.0)  # cosine and sine of quarter turns, exactly


def draw_parameters(policy: Augmentation, count: int, seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Warp parameters of `count` images, by name, each float32 (count,).

    Angles are in radians, shifts fractions, zooms factors, flips 0 or 1, turns quarters, 0 to 3. `seed` is an int32
    pair; equal seeds give equal draws. As in ImageDataGenerator, every parameter is uniform in its range and the two
    zoom factors are independent.
    """
    uniform = tf.random.stateless_uniform((PARAMETERS, count), seed, minval=-1.0, maxval=1.0)
    theta, column_shift, row_shift, shear, column_zoom, row_zoom, flip, vertical_flip, turns = tf.unstack(uniform)
    return {
        "theta": theta * math.radians(policy.rotation_degrees),
        "column_shift": column_shift * policy.width_shift,
        "row_shift": row_shift * policy.height_shift,
        "shear": shear * math.radians(policy.shear_degrees),
        "column_zoom": 1 + column_zoom * policy.zoom,
        "row_zoom": 1 + row_zoom * policy.zoom,
        "flip": tf.cast(flip < 0, tf.float32) * float(policy.horizontal_flip),
        "vertical_flip": tf.cast(vertical_flip < 0, tf.float32) * float(policy.vertical_flip),
        "turns": tf.floor(2 * turns + 2) * float(policy.right_angles),  # turns is in [-1, 1)
    }


def warp_matrices(parameters: dict[str, tf.Tensor], height: int, width: int) -> tf.Tensor:
    """Rows (a0..a7), float32 (count, 8), mapping output (column, row) to input, for the projective transform.

    Composed as ImageDataGenerator composes them, about the image's centre: rotation, shift, shear,
    zoom, then the flip of the result (keras/src/legacy/preprocessing/image.py, apply_affine_transform).
    """
    cos, sin = tf.cos(parameters["theta"]), tf.sin(parameters["theta"])
    shear_sin, shear_cos = tf.sin(parameters["shear"]), tf.cos(parameters["shear"])
    shift_x, shift_y = parameters["column_shift"] * width, parameters["row_shift"] * height
    zoom_x, zoom_y = parameters["column_zoom"], parameters["row_zoom"]
    # rotation @ shear @ zoom, and rotation @ shift, with the flips mirroring output columns and rows
    mirror, upright = 1 - 2 * parameters["flip"], 1 - 2 * parameters["vertical_flip"]
    a, b = cos * zoom_x * mirror, (-cos * shear_sin - sin * shear_cos) * zoom_y * upright
    c, d = sin * zoom_x * mirror, (-sin * shear_sin + cos * shear_cos) * zoom_y * upright
    turn_cos, turn_sin = (tf.gather(tf.constant(values), tf.cast(parameters["turns"], tf.int32)) for values in TURNS)
    a, b = a * turn_cos + b * turn_sin, b * turn_cos - a * turn_sin
    c, d = c * turn_cos + d * turn_sin, d * turn_cos - c * turn_sin
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    offset_x = cos * shift_x - sin * shift_y + centre_x - a * centre_x - b * centre_y
    offset_y = sin * shift_x + cos * shift_y + centre_y - c * centre_x - d * centre_y
    zero = tf.zeros_like(a)
    return tf.stack([a, b, offset_x, c, d, offset_y, zero, zero], axis=1)


def warp(images: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """Bilinear warp of float32 (n, h, w, c); beyond the border the nearest pixel is repeated."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=matrices,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def augment(images: tf.Tensor, policy: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """One random warp of every image of a training batch; the batch itself where the policy is empty."""
    if policy == Augmentation():
        return images
    parameters = draw_parameters(policy, images.shape[0] or tf.shape(images)[0], seed)
    return warp(images, warp_matrices(parameters, images.shape[1], images.shape[2]))
