"""Networks for rows of tables: fully connected, the generator with residual connections.

Both players may be conditional on one column, the *given* one. Its category is not learned: the latent chooses it, by
the column's shares, and the other columns are generated given it. The discriminator compares rows given it, by the
projection of Miyato and Koyama 2018, https://arxiv.org/abs/1802.05637.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from bgan_jax.networks.dense import Dense, log_ratio_head
from bgan_jax.networks.initialization import HE_NORMAL
from bgan_jax.networks.interface import Networks, Options, assemble, check_example_shape
from bgan_jax.networks.latents import encode_category, quantile_of
from bgan_jax.networks.mlp import MLPDiscriminator, hidden_layers
from bgan_jax.networks.normalization import BatchNorm

#: A tenth of the usual kernel. Latents that decide every symbol at once leave the M samples of each all the same, and
#: equal samples have equal weights, from which nothing is learned.
SMALL = nn.initializers.variance_scaling(0.01, "fan_in", "normal")


#: Logit of the given column's category, where the others have 0: they are drawn once in millions of rows.
CERTAIN = 20.0


class GivenColumn(NamedTuple):
    """The column that the players are conditional on; static.

    Attributes:
      first: its first logit.
      size: its number of categories.

    Example:
      >>> GivenColumn(first=3, size=2).logits
      slice(3, 5, None)
    """

    first: int
    size: int

    @property
    def logits(self) -> slice:
        """Where its logits lie."""
        return slice(self.first, self.first + self.size)


class ResidualMLPGenerator(nn.Module):
    """Generator of flat logits: a dense layer, then blocks ``h + relu(norm(W h))``, a norm, and the logits.

    The norms are batch normalisation. The first coordinate of a latent, which is N(0, 1), chooses the category of the
    given column, by the quantile that it lies in.

    Attributes:
      num_logits: D.
      width: of every hidden layer.
      num_blocks: residual blocks.
      output_bias: initial bias of the last layer, D numbers; ``None`` for zeros. With the logarithms of the data's
        shares, a new generator draws every column rightly and independently, and learns the rest; those of the given
        column stay as they are.
      given: the column that is not learned; ``None`` for none.
      axis_name: device axis over which batch statistics are taken; ``None`` for one device.
      dtype: dtype of the hidden computation.
    """

    num_logits: int
    width: int = 256
    num_blocks: int = 2
    output_bias: tuple[float, ...] | None = None
    given: GivenColumn | None = None
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

        given, category = self.given, jnp.zeros(())
        if given is not None:
            category = self._category(latents[:, 0], given)
            latents = encode_category(latents, category)
        hidden = layer(latents)
        for _ in range(self.num_blocks):
            hidden += layer(hidden)
        # With mean 0 over the latents, whatever is wrong in an update of the last kernel moves rows apart, where it
        # would move all of them the same way and soon leave one row for all latents. The shares are left to the bias.
        hidden = normalize(use_bias=False, use_scale=False)(hidden)
        last = Dense(self.num_logits, kernel_init=SMALL, bias_init=self._initial_bias, dtype=self.dtype)
        logits = last(hidden).astype(jnp.float32)
        return logits if given is None else logits.at[:, given.logits].set(CERTAIN * category)

    def _category(self, latents: jax.Array, given: GivenColumn) -> jax.Array:
        """Returns the category that each latent's first coordinate chooses, one-hot, ``[N, size]``."""
        bias = jnp.zeros(self.num_logits) if self.output_bias is None else jnp.asarray(self.output_bias, jnp.float32)
        below = jnp.cumsum(jax.nn.softmax(bias[given.logits]))[:-1]
        quantile = quantile_of(latents, prior="normal")
        return jax.nn.one_hot(jnp.sum(quantile[:, None] >= below[None], axis=1), given.size, dtype=jnp.float32)

    def _initial_bias(self, key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        del key
        return jnp.zeros(shape, dtype) if self.output_bias is None else jnp.asarray(self.output_bias, dtype)


class ProjectionDiscriminator(MLPDiscriminator):
    r"""Discriminator of rows given a column: :math:`F(x) = \langle v + E x_{given}, h(x) \rangle`, h hidden layers.

    Attributes:
      given: the column.
    """

    given: GivenColumn | None = None

    @nn.compact
    def __call__(self, points: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, D]`` to F, ``[N]``, float32."""
        if self.given is None:
            raise ValueError("the discriminator is given no column")
        hidden = hidden_layers(self, points, train=train)
        width = hidden.shape[-1]
        head = log_ratio_head(width, initialization=self.initialization, spectral_norm=self.spectral_norm)
        embed = Dense(
            width,
            spectral_norm=self.spectral_norm,
            use_bias=False,
            kernel_init=SMALL,
            dtype=jnp.float32,
            precision=lax.Precision.HIGHEST,
            name="embedding",
        )
        embedding = embed(points[:, self.given.logits], train=train)
        return head(hidden, train=train)[:, 0] + jnp.sum(embedding * hidden.astype(jnp.float32), axis=1)


def residual_mlp(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds networks for rows of a table, ``width`` (256) wide, latents N(0, I_64).

    G has three hidden layers, two of them residual; D has two, leaky rectifiers. With ``given_column`` both are
    conditional on it.
    """
    check_example_shape("residual_mlp", example_shape, expected=(None,))
    (num_logits,) = example_shape
    if options.output_bias is not None and len(options.output_bias) != num_logits:
        raise ValueError(f"output_bias has {len(options.output_bias)} numbers, and there are {num_logits} logits")
    width, given = options.width or 256, None
    if options.given_column is not None:
        given = GivenColumn(*options.given_column)
        if given.first < 0 or given.size < 2 or given.first + given.size > num_logits:
            raise ValueError(f"given_column {tuple(given)} is not (first, size) of a column within {num_logits} logits")
    generator = ResidualMLPGenerator(num_logits, width=width, output_bias=options.output_bias, given=given)
    networks = assemble(
        "residual_mlp",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="normal",
        output="logits",
        generator=generator,
        discriminator=(
            MLPDiscriminator((width, width), activation=nn.leaky_relu)
            if given is None
            else ProjectionDiscriminator((width, width), activation=nn.leaky_relu, given=given)
        ),
    )
    return networks._replace(output_bias=(f"Dense_{generator.num_blocks + 1}", "bias"))
