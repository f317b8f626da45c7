"""Initialisers of parameters, as in the libraries of the published networks."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
from flax.linen import initializers
from flax.linen.initializers import Initializer


class Initialization(NamedTuple):
    """Initialisers of the parameters of a network.

    Attributes:
      dense_kernel: kernels of dense layers, ``[in, out]``, and of shortcuts.
      conv_kernel: kernels of convolutions, ``[..., in, out]``.
      transposed_kernel: kernels of transposed convolutions, ``[..., in, out]``.
      bias: maps the fan-in of a layer to the initialiser of its bias.
    """

    dense_kernel: Initializer
    conv_kernel: Initializer
    transposed_kernel: Initializer
    bias: Callable[[int], Initializer]


def _zeros(fan_in: int) -> Initializer:
    del fan_in
    return initializers.zeros_init()


def _uniform_by_fan_in(fan_in: int) -> Initializer:
    bound = 1.0 / math.sqrt(fan_in)

    def initialize(key: jax.Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return initialize


#: Glorot uniform, orthogonal transposed convolutions (rows are input channels, as in the authors' layer), zero
#: biases.
LASAGNE = Initialization(
    dense_kernel=initializers.glorot_uniform(),
    conv_kernel=initializers.glorot_uniform(),
    transposed_kernel=initializers.orthogonal(column_axis=-2),
    bias=_zeros,
)

#: U(-1/sqrt(fan-in), 1/sqrt(fan-in)) for kernels and biases; PyTorch counts a transposed convolution's *outputs* as
#: its fan-in.
PYTORCH = Initialization(
    dense_kernel=initializers.variance_scaling(1.0 / 3.0, "fan_in", "uniform"),
    conv_kernel=initializers.variance_scaling(1.0 / 3.0, "fan_in", "uniform"),
    transposed_kernel=initializers.variance_scaling(1.0 / 3.0, "fan_in", "uniform", in_axis=-1, out_axis=-2),
    bias=_uniform_by_fan_in,
)

#: He normal, zero biases: preserves the scale of the signal through rectifiers without batch normalisation.
HE_NORMAL = Initialization(
    dense_kernel=initializers.he_normal(),
    conv_kernel=initializers.he_normal(),
    transposed_kernel=initializers.he_normal(),
    bias=_zeros,
)

#: Glorot uniform for dense layers and shortcuts, He-scaled uniform (variance 4 / (fan in + fan out)) for convolutions,
#: zero biases: Gulrajani et al.'s code and Roth et al.'s.
GULRAJANI = Initialization(
    dense_kernel=initializers.glorot_uniform(),
    conv_kernel=initializers.variance_scaling(2.0, "fan_avg", "uniform"),
    transposed_kernel=initializers.variance_scaling(2.0, "fan_avg", "uniform"),
    bias=_zeros,
)
