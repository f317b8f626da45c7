"""Boundary-seeking generative adversarial networks (Hjelm et al., ICLR 2018) in JAX and Flax.

The subpackages, from the lowest layer to the highest; each imports only from layers above its own in this list:

* :mod:`bgan_jax.losses` -- the mathematics as pure functions of arrays; it needs jax and numpy only;
* :mod:`bgan_jax.conditionals` -- the generator's conditional distributions g(x|z): sample, log-probability, mean;
* :mod:`bgan_jax.networks` -- Flax modules as ``(init, apply)`` pairs; :mod:`bgan_jax.data` -- data sets by name, and
  batches of them; :mod:`bgan_jax.evaluation` -- evaluation metrics (it imports the other two of its layer);
* :mod:`bgan_jax.algorithms` -- what one training step computes;
* :mod:`bgan_jax.sampling` -- samples of a trained generator; :mod:`bgan_jax.runtime` -- the training loop, devices and
  hosts, checkpoints, metrics, the work directory.

Importing any module of this package starts no JAX backend.
"""

from bgan_jax.version import __version__

__all__ = ["__version__"]
