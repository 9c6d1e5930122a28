"""TensorFlow's own operations in files of Keras 2: those that compute with their inputs, and touch nothing else."""

OP_LAYERS = ("TFOpLambda", "SlicingOpLambda")
PARTS = (  # of TensorFlow's names, all of whose functions compute
    "__operators__", "bitwise", "dtypes", "experimental.numpy", "image", "keras.activations", "linalg", "math", "nn",
    "quantization", "ragged", "random", "sets", "signal", "sparse", "strings",
)  # fmt: skip
OF_KERAS = (  # of keras.backend, which has others that change what holds for the whole process
    "abs", "all", "any", "arange", "argmax", "argmin", "batch_dot", "batch_flatten", "bias_add", "cast", "clip",
    "concatenate", "constant", "cos", "cumprod", "cumsum", "dot", "elu", "equal", "exp", "expand_dims", "flatten",
    "gather", "greater", "greater_equal", "hard_sigmoid", "identity", "l2_normalize", "less", "less_equal", "log",
    "max", "maximum", "mean", "min", "minimum", "not_equal", "one_hot", "ones_like", "permute_dimensions", "pow",
    "prod", "relu", "repeat", "repeat_elements", "reshape", "resize_images", "reverse", "round", "shape", "sigmoid",
    "sign", "sin", "softmax", "softplus", "softsign", "spatial_2d_padding", "sqrt", "square", "squeeze", "stack", "std",
    "stop_gradient", "sum", "switch", "tanh", "temporal_padding", "tile", "transpose", "truncated_normal", "var",
    "zeros_like",
)  # fmt: skip
ALONE = frozenset({
    "abs", "acos", "acosh", "add", "add_n", "approx_top_k", "argmax", "argmin", "argsort", "asin", "asinh", "atan",
    "atan2", "atanh", "batch_to_space", "bitcast", "boolean_mask", "broadcast_dynamic_shape",
    "broadcast_static_shape", "broadcast_to", "cast", "clip_by_global_norm", "clip_by_norm", "clip_by_value",
    "complex", "concat", "constant", "convert_to_tensor", "cos", "cosh", "cumsum", "depth_to_space", "divide",
    "dynamic_partition", "dynamic_stitch", "edit_distance", "eig", "eigvals", "einsum", "ensure_shape", "equal",
    "exp", "expand_dims", "extract_volume_patches", "eye", "fill", "floor", "floordiv", "floormod", "gather",
    "gather_nd", "greater", "greater_equal", "guarantee_const", "histogram_fixed_width",
    "histogram_fixed_width_bins", "identity", "identity_n", "less", "less_equal", "linspace", "logical_and",
    "logical_not", "logical_or", "matmul", "matrix_square_root", "maximum", "meshgrid", "minimum", "multiply",
    "negative", "norm", "not_equal", "one_hot", "ones", "ones_like", "pad", "parallel_stack", "pow", "range",
    "rank", "realdiv", "reduce_all", "reduce_any", "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min",
    "reduce_prod", "reduce_sum", "repeat", "reshape", "reverse", "reverse_sequence", "roll", "round",
    "saturate_cast", "scalar_mul", "scatter_nd", "searchsorted", "sequence_mask", "shape", "shape_n", "sigmoid",
    "sign", "sin", "sinh", "size", "slice", "sort", "space_to_batch", "space_to_batch_nd", "space_to_depth",
    "split", "sqrt", "square", "squeeze", "stack", "stop_gradient", "strided_slice", "subtract", "tan", "tanh",
    "tensor_scatter_nd_add", "tensor_scatter_nd_max", "tensor_scatter_nd_min", "tensor_scatter_nd_sub",
    "tensor_scatter_nd_update", "tensordot", "tile", "transpose", "truediv", "truncatediv", "truncatemod", "tuple",
    "unique", "unique_with_counts", "unravel_index", "unstack", "where", "zeros", "zeros_like",
})  # fmt: skip
NOT_COMPUTING = ("deserialize", "get", "serialize")


def is_operation(name: str) -> bool:
    """Whether a network of Keras 2 may call the function of TensorFlow of that name, such as math.truediv."""
    name = name.removeprefix("compat.v1.")
    part, _, last = name.rpartition(".")
    if part == "keras.backend":
        return last in OF_KERAS
    if last in NOT_COMPUTING:
        return False
    return name in ALONE if not part else any(part == each or part.startswith(f"{each}.") for each in PARTS)
