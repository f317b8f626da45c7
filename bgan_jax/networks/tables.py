"""Networks for rows of tables: fully connected, the generator with residual connections."""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.networks.dense import Dense
from bgan_jax.networks.initialization import HE_NORMAL
from bgan_jax.networks.interface import Networks, Options, assemble, check_example_shape
from bgan_jax.networks.mlp import MLPDiscriminator
from bgan_jax.networks.normalization import BatchNorm

#: A tenth of the usual kernel. Latents that decide every symbol at once leave the M samples of each all the same, and
#: equal samples have equal weights, from which nothing is learned.
SMALL = nn.initializers.variance_scaling(0.01, "fan_in", "normal")


class ResidualMLPGenerator(nn.Module):
    """Generator of flat logits: a dense layer, then blocks ``h + relu(norm(W h))``, a norm, and the logits.

    The norms are batch normalisation.

    Attributes:
      num_logits: D.
      width: of every hidden layer.
      num_blocks: residual blocks.
      output_bias: initial bias of the last layer, D numbers; ``None`` for zeros. With the logarithms of the data's
        shares, a new generator draws every column rightly and independently, and learns the rest.
      axis_name: device axis over which batch statistics are taken; ``None`` for one device.
      dtype: dtype of the hidden computation.
    """

    num_logits: int
    width: int = 256
    num_blocks: int = 2
    output_bias: tuple[float, ...] | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latents: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, d]`` to ``[N, D]``, float32."""
        normalize = functools.partial(
            BatchNorm, use_running_average=not train, momentum=0.9, axis_name=self.axis_name, dtype=self.dtype
        )

        def layer(inputs: jax.Array) -> jax.Array:
            dense = Dense(self.width, use_bias=False, kernel_init=HE_NORMAL.dense_kernel, dtype=self.dtype)
            return nn.relu(normalize()(dense(inputs)))

        hidden = layer(latents)
        for _ in range(self.num_blocks):
            hidden += layer(hidden)
        # With mean 0 over the latents, whatever is wrong in an update of the last kernel moves rows apart, where it
        # would move all of them the same way and soon leave one row for all latents. The shares are left to the bias.
        hidden = normalize(use_bias=False, use_scale=False)(hidden)
        last = Dense(self.num_logits, kernel_init=SMALL, bias_init=self._initial_bias, dtype=self.dtype)
        return last(hidden).astype(jnp.float32)

    def _initial_bias(self, key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        del key
        return jnp.zeros(shape, dtype) if self.output_bias is None else jnp.asarray(self.output_bias, dtype)


def residual_mlp(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds networks for rows of a table, ``width`` (256) wide, latents N(0, I_64).

    G has three hidden layers, two of them residual; D has two, leaky rectifiers.
    """
    check_example_shape("residual_mlp", example_shape, expected=(None,))
    (num_logits,) = example_shape
    if options.output_bias is not None and len(options.output_bias) != num_logits:
        raise ValueError(f"output_bias has {len(options.output_bias)} numbers, and there are {num_logits} logits")
    width = options.width or 256
    return assemble(
        "residual_mlp",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="normal",
        output="logits",
        generator=ResidualMLPGenerator(num_logits, width=width, output_bias=options.output_bias),
        discriminator=MLPDiscriminator((width, width), activation=nn.leaky_relu),
    )
