"""Boundary-seeking generative adversarial networks (Hjelm et al., ICLR 2018) in JAX and Flax.

The rooms, from the ground up; each imports only from rooms above it in this list:

* :mod:`bgan_jax.losses` -- the mathematics as pure functions of arrays (jax, numpy and chex only);
* :mod:`bgan_jax.conditionals` -- the generator's conditional distributions g(x|z): sample, log-probability, mean;
* :mod:`bgan_jax.networks` -- Flax modules behind ``(init, apply)`` pairs;
* :mod:`bgan_jax.data` -- named data sets to batches;
* :mod:`bgan_jax.evaluation` -- what a trained generator is worth;
* :mod:`bgan_jax.training` -- the algorithms, and everything that runs them on devices.

Importing this package, or any of its rooms, starts no JAX backend.
"""

from bgan_jax.version import __version__

__all__ = ["__version__"]
