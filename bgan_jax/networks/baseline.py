"""The network of REINFORCE's learned baseline: the expected reward of a latent's samples."""

from bgan_jax.networks.interface import Player, player
from bgan_jax.networks.mlp import MLPDiscriminator


def latent_baseline(latent_dim: int, *, width: int = 256) -> Player:
    """Builds a network with one hidden layer of rectifiers that maps a latent to a real number.

    Neural variational inference and learning (Mnih and Gregor 2014, https://arxiv.org/abs/1402.0030). The authors'
    script rectifies the last layer too, so that its baseline cannot be negative, as log-weights mostly are.

    Args:
      latent_dim: d.
      width: units of the hidden layer; the authors' 256.

    Returns:
      The network: latents ``[N, d]`` -> b ``[N]``, in nats, float32.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> baseline = latent_baseline(3)
      >>> baseline.apply(baseline.init(jax.random.key(0)), jnp.ones((2, 3)), train=True)[0].shape
      (2,)
    """
    return player(MLPDiscriminator((width,)), (latent_dim,))
