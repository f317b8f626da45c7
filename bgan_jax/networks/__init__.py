"""Networks behind pure functions: latents to logits or pixels, points to F.

``build_networks(name, example_shape=...)`` returns a :class:`Networks` record of :class:`Player` records ``(init,
apply)``, so that training never sees Flax. Files are families of networks; ``catalogue.py`` lists them by name.
"""

from bgan_jax.networks.catalogue import NETWORKS, build_networks
from bgan_jax.networks.classifier import ClassifierNetworks, build_classifier_networks
from bgan_jax.networks.convolutions import StridedConv, TransposedConv, double_backward_form
from bgan_jax.networks.interface import Networks, Options, Player, player
from bgan_jax.networks.latents import sample_latents

__all__ = [
    "NETWORKS",
    "ClassifierNetworks",
    "Networks",
    "Options",
    "Player",
    "StridedConv",
    "TransposedConv",
    "build_classifier_networks",
    "build_networks",
    "double_backward_form",
    "player",
    "sample_latents",
]
