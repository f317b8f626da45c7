"""Networks of images without a convolution, for tests that run a whole command in seconds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import pytest

from bgan_jax.networks import NETWORKS
from bgan_jax.networks.interface import assemble

BLOCK = 8


class BlockGenerator(nn.Module):
    example_shape: tuple[int, ...]
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latents, *, train):
        height, width, channels = self.example_shape
        hidden = nn.Dense(height // BLOCK * (width // BLOCK) * channels)(latents)
        hidden = nn.BatchNorm(use_running_average=not train, axis_name=self.axis_name)(hidden)
        blocks = jnp.tanh(hidden).reshape(-1, height // BLOCK, width // BLOCK, channels)
        return blocks.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)


class BlockDiscriminator(nn.Module):
    axis_name: str | None = None
    dtype: Any = jnp.float32
    spectral_norm: bool = False

    @nn.compact
    def __call__(self, points, *, train):
        blocks = nn.avg_pool(points, (BLOCK, BLOCK), strides=(BLOCK, BLOCK))
        return nn.Dense(1)(jnp.tanh(nn.Dense(8)(blocks.reshape(len(points), -1))))[:, 0]


def blocks(example_shape, options):
    return assemble(
        "blocks",
        example_shape,
        options,
        latent_dim=8,
        latent_prior="normal",
        output="pixels",
        generator=BlockGenerator(example_shape),
        discriminator=BlockDiscriminator(),
    )


@contextmanager
def tiny_networks(name):
    """Replaces a preset, whose name the flags accept, by networks of blocks of eight by eight pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, name, blocks)
        yield
