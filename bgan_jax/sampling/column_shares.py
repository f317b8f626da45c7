"""Moves the last bias of a table's trained generator until every column has the shares of the data."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bgan_jax.algorithms.passes import draw_latents
from bgan_jax.conditionals import Conditional, latent_and_sample_keys
from bgan_jax.networks import Networks

#: Of a share, so that its logarithm is finite.
SMALLEST = 1e-12
#: Largest error of a share at which the iteration ends, and how often it is repeated at most.
TOLERANCE, MOST = 5e-4, 300
#: Latents that the shares are taken over. With few of them their noise is larger than what is wrong with the shares:
#: over 4,096 latents letters became worse by it. Their logits are in memory, no more than so many numbers.
MOST_LATENTS, MOST_LOGITS = 65_536, 2**26


def match_column_shares(
    variables: Any,
    *,
    networks: Networks,
    conditional: Conditional,
    log_shares: Sequence[float],
    num_latents: int | None = None,
) -> Any:
    r"""Returns a generator's variables with another last bias, with which every column has the data's shares.

    The share of category k is :math:`\bar p_k = E_z[p_k(z)]`. Until all are right, the iteration adds
    :math:`\log s_k - \log \bar p_k` to the bias of each logit, s the shares of the data. Of all generators that differ
    by a constant of every logit, the result is the one whose columns are right; what it has learned about how columns
    depend on one another is in the other parameters, which stay. A column that the latent chooses is left as it is.

    Where the bias moves by several nats, as on tables of a few hundred rows, it also moves rows that a column decides
    from one category to another, and the dependence between columns suffers.

    Args:
      variables: of the generator, such as ``TrainState.gen_average``.
      networks: both players; ``networks.output_bias`` says where the bias is. Static.
      conditional: the generator's conditional family, with an exact mean of one number for each logit. Static.
      log_shares: logarithms of the data's shares, one for each logit; those of a column may sum to more than 1.
      num_latents: latents that the expectation is taken over, always the same ones; ``None`` for 65,536, or fewer where
        there are more than 1,024 logits. Static.

    Returns:
      The variables.

    Raises:
      ValueError: the networks do not say where the bias is.

    Example:
      >>> from bgan_jax.conditionals import product_categorical_columns
      >>> from bgan_jax.networks import build_networks
      >>> networks, conditional = build_networks("residual_mlp", example_shape=(2,)), product_categorical_columns([2])
      >>> variables = networks.gen.init(jax.random.key(0))
      >>> log_shares = jnp.log(jnp.array([0.9, 0.1]))
      >>> matched = match_column_shares(
      ...     variables, networks=networks, conditional=conditional, log_shares=log_shares
      ... )
      >>> logits, _ = networks.gen.apply(matched, jax.random.normal(jax.random.key(1), (1000, 64)), train=False)
      >>> [round(share, 1) for share in conditional.mean(logits).mean(axis=0).tolist()]
      [0.9, 0.1]
    """
    if networks.output_bias is None:
        raise ValueError(f"the generator of {networks.name!r} does not say where its last bias is")
    change = _change_of_bias(
        variables,
        jnp.asarray(log_shares, jnp.float32),
        networks=networks,
        conditional=conditional,
        bias=networks.output_bias,
        num_latents=num_latents or min(MOST_LATENTS, max(MOST_LOGITS // len(log_shares), 1)),
    )
    return _moved(variables, change, bias=networks.output_bias)


def _moved(variables: Any, change: jax.Array, *, bias: tuple[str, ...]) -> Any:
    place = tuple(jax.tree_util.DictKey(name) for name in ("params", *bias))
    return jax.tree.map_with_path(lambda path, leaf: leaf + change if path == place else leaf, variables)


@functools.partial(jax.jit, static_argnames=("networks", "conditional", "bias", "num_latents"))
def _change_of_bias(
    variables: Any,
    log_shares: jax.Array,
    *,
    networks: Networks,
    conditional: Conditional,
    bias: tuple[str, ...],
    num_latents: int,
) -> jax.Array:
    latent_keys, _ = latent_and_sample_keys(jax.random.key(0), jnp.arange(num_latents))
    latents = draw_latents(latent_keys, networks=networks)

    def logits_at(change: jax.Array) -> jax.Array:
        return networks.gen.apply(_moved(variables, change, bias=bias), latents[:1], train=False)[0][0]

    none, wanted = jnp.zeros_like(log_shares), conditional.mean(log_shares)  # Those of a column sum to 1.
    # The logits of a column that the latent chooses do not depend on the bias.
    _, follows = jax.jvp(logits_at, (none,), (jnp.ones_like(none),))
    logits, _ = networks.gen.apply(variables, latents, train=False)

    def shares_with(change: jax.Array) -> jax.Array:
        return jnp.mean(conditional.mean(logits + change[None]), axis=0)

    def is_off(carry: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        count, _, shares = carry
        return (count < MOST) & (jnp.max(follows * jnp.abs(shares - wanted)) > TOLERANCE)

    def iterate(carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        count, change, shares = carry
        change += follows * (jnp.log(wanted) - jnp.log(jnp.maximum(shares, SMALLEST)))
        return count + 1, change, shares_with(change)

    return lax.while_loop(is_off, iterate, (jnp.zeros((), jnp.int32), none, shares_with(none)))[1]
