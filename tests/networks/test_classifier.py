"""Adversarial classification: the pair discriminator equals one of concatenations, for any number of labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks import build_classifier_networks
from tests.networks.variables import random_variables


def test_shapes_and_counts():
    networks = build_classifier_networks(example_shape=(32, 32, 3), num_classes=10, dtype=jnp.bfloat16)
    gen = jax.eval_shape(networks.gen.init, jax.random.key(0))
    disc = jax.eval_shape(networks.disc.init, jax.random.key(0))
    trunk = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
    count = {k: sum(leaf.size for leaf in jax.tree.leaves(v["params"])) for k, v in {"gen": gen, "disc": disc}.items()}
    assert count["gen"] == (trunk + 2 * (64 + 128 + 256 + 512) + (2048 + 2) * 1024 + (1024 + 2) * 512 + (512 + 1) * 10)
    assert count["disc"] == (trunk + (64 + 128 + 256 + 512) + (2048 + 10 + 1) * 1024 + (1024 + 1) * 512 + (512 + 1))
    images = jax.ShapeDtypeStruct((4, 32, 32, 3), jnp.float32)
    logits, state = jax.eval_shape(lambda v, x: networks.gen.apply(v, x, train=True), gen, images)
    assert (logits.shape, logits.dtype, set(state)) == ((4, 10), jnp.float32, {"batch_stats"})
    labels = jax.ShapeDtypeStruct((7, 4, 10), jnp.float32)
    fake_logits, state = jax.eval_shape(lambda v, x: networks.disc.apply(v, x, train=True), disc, (images, labels))
    assert (fake_logits.shape, fake_logits.dtype, state) == ((7, 4), jnp.float32, {})


def test_many_labels_are_one_label_many_times():
    networks = build_classifier_networks(example_shape=(16, 16, 1), num_classes=3, width=2)
    images = jax.random.normal(jax.random.key(0), (4, 16, 16, 1))
    variables = random_variables(networks.disc.init)
    apply = jax.jit(lambda inputs: networks.disc.apply(variables, inputs, train=False)[0])
    every_label = jnp.broadcast_to(jnp.eye(3)[:, None, :], (3, 4, 3))
    together = apply((images, every_label))
    apart = jnp.stack([apply((images, labels)) for labels in every_label])
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-6)
    assert np.abs(together[0] - together[1]).min() > 1e-4


def test_sides_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"multiples of 16.*\(28, 28, 1\)"):
        build_classifier_networks(example_shape=(28, 28, 1), num_classes=10)
