"""Preprocessing of every kind of data, and the conversion back to images and strings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.data import DatasetSpec, open_dataset, preprocess, to_images, to_strings


def test_bits_stay_bits():
    dataset = open_dataset("mnist10k")
    bits = jax.jit(lambda rows: preprocess(None, rows, spec=dataset.spec))(dataset.rows([0, 1]))
    assert bits.dtype == jnp.uint8
    np.testing.assert_array_equal(bits, dataset.rows([0, 1]))
    images = to_images(bits, spec=dataset.spec)
    assert set(np.unique(images)) == {0, 255}


def test_stochastic_bits_have_the_intensities_as_their_means():
    spec = DatasetSpec(name="toy", kind="binary", shape=(16, 16, 1), num_values=2, stochastic=True)
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    draws = 4000
    keys = jax.random.split(jax.random.key(0), draws)
    rows = np.broadcast_to(grey, (draws, 16, 16, 1))
    bits = jax.jit(jax.vmap(lambda key, row: preprocess(key, row, spec=spec)))(keys, rows)
    assert bits.dtype == jnp.uint8
    means = np.asarray(bits, np.float64).mean(axis=0).ravel()
    probs = np.arange(256) / 255
    assert means[0] == 0 and means[255] == 1
    errors = np.sqrt(probs * (1 - probs) / draws)[1:-1]
    assert (np.abs(means - probs)[1:-1] / errors).max() < 5


def test_stochastic_bits_without_a_key_are_refused():
    dataset = open_dataset("mnist10k", binarization="stochastic")
    assert dataset.rows([0]).max() > 1
    with pytest.raises(ValueError, match="pass a PRNG key"):
        preprocess(None, dataset.rows([0]), spec=dataset.spec)


def test_pixels_go_to_minus_one_and_one_and_back():
    dataset = open_dataset("emoji32", split="test")
    rows = dataset.rows(np.arange(50))
    pixels = preprocess(None, rows, spec=dataset.spec)
    assert pixels.dtype == jnp.float32
    assert pixels.min() == -1.0 and pixels.max() == 1.0
    np.testing.assert_array_equal(to_images(pixels, spec=dataset.spec), rows)


def test_indices_become_their_colours():
    dataset = open_dataset("emoji16", split="test")
    indices = preprocess(None, dataset.rows([0]), spec=dataset.spec)
    assert indices.dtype == jnp.int32
    colours = to_images(indices, spec=dataset.spec)
    assert colours.shape == (1, 32, 32, 3)
    assert tuple(colours[0, 3, 4]) == dataset.spec.palette[int(indices[0, 3, 4])]


def test_a_saved_record_converts_to_images_and_text_without_the_data():
    for name, show in (("emoji16", to_images), ("austen32", to_strings)):
        dataset = open_dataset(name, split="test")
        saved = DatasetSpec.from_json(dataset.spec.to_json())
        np.testing.assert_array_equal(show(dataset.rows([5]), spec=saved), show(dataset.rows([5]), spec=dataset.spec))


def test_text_is_not_an_image():
    dataset = open_dataset("austen32", split="test")
    with pytest.raises(ValueError, match="use to_strings"):
        to_images(dataset.rows([0]), spec=dataset.spec)
    with pytest.raises(ValueError, match="use to_images"):
        to_strings([[0]], spec=open_dataset("emoji32").spec)
