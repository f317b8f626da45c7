"""Networks as pure functions: generators map latents to logits or pixels, discriminators map points to F.

``build_networks(name, example_shape=...)`` returns a :class:`Networks` record of :class:`Player` records ``(init,
apply)``, so that the training code does not depend on Flax. Each file is a family of networks; ``catalogue.py`` lists
them by name.
"""

from bgan_jax.networks.catalogue import NETWORKS, build_networks
from bgan_jax.networks.classifier import ClassifierNetworks, build_classifier_networks
from bgan_jax.networks.convolutions import StridedConv, TransposedConv
from bgan_jax.networks.interface import Networks, Options, Player, player
from bgan_jax.networks.latents import choose_category, sample_latents

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
    "choose_category",
    "player",
    "sample_latents",
]
