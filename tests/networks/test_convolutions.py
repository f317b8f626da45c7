"""The rewritten convolutions are the textbook ones: same parameters, same output, same first and second derivatives."""

import itertools

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks.convolutions import TRANSPOSED_FORMS, StridedConv, TransposedConv
from tests.exhaustive import one_in
from tests.networks.variables import random_variables

TRANSPOSED = [
    # lengths, kernel, stride, padding
    ((7, 7), (4, 4), 2, "SAME"),
    ((7, 7), (5, 5), 2, ((2, 3), (2, 3))),
    ((7, 5), (5, 5), 2, "SAME"),
    ((5, 3), (4, 3), 2, ((0, 1), (1, 2))),
    ((5,), (7,), 3, "SAME"),
    ((4,), (2,), 3, "VALID"),
    ((3, 3), (1, 2), 4, "SAME"),  # fewer taps than phases
    ((6, 5), (3, 3), 1, "SAME"),
]

STRIDED = [
    # lengths, kernel, stride, padding
    ((8, 8), (4, 4), 2, 1),
    ((7, 7), (5, 5), 2, 2),
    ((6, 5), (5, 4), 2, 2),
    ((5, 6), (3, 3), 1, 1),
    ((11,), (5,), 3, 0),
    ((7, 7), (3, 3), 4, 0),
]


def assert_trees_close(actual, expected, tolerance=1e-5):
    """Relative to the largest entry of every leaf."""
    chex.assert_trees_all_equal_shapes_and_dtypes(actual, expected)

    def check(a, b):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(np.abs(b).max(), 1e-6))

    jax.tree.map(check, actual, expected)


def derivatives(module, variables, inputs, probe):
    """Computes a layer's output, first derivatives of a statistic of it, and second derivatives by a penalty."""

    def statistic(variables, inputs):
        result = module.apply(variables, inputs)
        return (jnp.tanh(result) * probe).sum(), result

    def penalty(variables, inputs):
        return (jax.grad(lambda x: statistic(variables, x)[0])(inputs) ** 2).sum()

    first = jax.grad(statistic, argnums=(0, 1), has_aux=True)(variables, inputs)
    return first, jax.grad(penalty, argnums=(0, 1))(variables, inputs)


# Few channels have a form of their own.
@pytest.mark.parametrize(("shape", "channels"), one_in(3, itertools.product(TRANSPOSED, [(6, 3), (3, 6)])))
def test_every_transposed_form_is_flax_conv_transpose_twice_differentiated(shape, channels):
    (lengths, kernel, stride, padding), (channels, features) = shape, channels
    keys = jax.random.split(jax.random.key(0), 4)
    inputs = jax.random.normal(keys[0], (2, *lengths, channels))
    ours = TransposedConv(features, kernel, stride=stride, padding=padding)
    theirs = nn.ConvTranspose(features, kernel, strides=(stride,) * len(kernel), padding=padding)
    variables = random_variables(ours.init, inputs)
    result, expected = jax.eval_shape(theirs.init_with_output, keys[1], inputs)
    chex.assert_trees_all_equal_shapes(variables, expected)
    probe = jax.random.normal(keys[2], result.shape)

    modules = (theirs, *(ours.clone(form=form) for form in TRANSPOSED_FORMS))
    reference, *forms = jax.jit(lambda: [derivatives(module, variables, inputs, probe) for module in modules])()
    for actual in forms:
        assert_trees_close(actual, reference)


@pytest.mark.parametrize(("channels", "features"), [(6, 3), (3, 6)])
@pytest.mark.parametrize(("lengths", "kernel", "stride", "padding"), STRIDED)
def test_every_form_is_the_convolution_twice_differentiated(lengths, kernel, stride, padding, channels, features):
    keys = jax.random.split(jax.random.key(1), 4)
    inputs = jax.random.normal(keys[0], (2, *lengths, channels))
    conv = StridedConv(features, kernel, stride=stride, padding=padding)
    reference = nn.Conv(features, kernel, strides=(stride,) * len(kernel), padding=[(padding, padding)] * len(kernel))
    variables = random_variables(conv.init, inputs)
    result, expected = jax.eval_shape(reference.init_with_output, keys[1], inputs)
    chex.assert_trees_all_equal_shapes(variables, expected)
    probe = jax.random.normal(keys[2], result.shape)

    modules = (reference, conv, conv.clone(form="paired"))
    expected, *forms = jax.jit(lambda: [derivatives(module, variables, inputs, probe) for module in modules])()
    for actual in forms:
        assert_trees_close(actual, expected)


@pytest.mark.parametrize("module", [StridedConv(2, (4, 4)), TransposedConv(2, (4, 4))])
def test_wrong_rank_is_named(module):
    with pytest.raises(ValueError, match=r"kernel \(4, 4\) takes .* got \(3, 8, 1\)"):
        jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((3, 8, 1)))


def test_unknown_form_and_padding_list_the_legal_ones():
    with pytest.raises(ValueError, match="legal: conv, paired"):
        jax.eval_shape(StridedConv(2, (4, 4), form="fft").init, jax.random.key(0), jnp.zeros((1, 8, 8, 1)))
    with pytest.raises(ValueError, match="legal: dilated, phases, paired"):
        jax.eval_shape(TransposedConv(2, (4, 4), form="fft").init, jax.random.key(0), jnp.zeros((1, 8, 8, 1)))
    with pytest.raises(ValueError, match="legal: SAME, VALID"):
        jax.eval_shape(TransposedConv(2, (4, 4), padding="FULL").init, jax.random.key(0), jnp.zeros((1, 8, 8, 1)))


def test_bfloat16_compute_keeps_float32_parameters():
    inputs = jnp.zeros((1, 8, 8, 2))
    for module in (StridedConv(2, (4, 4), dtype=jnp.bfloat16), TransposedConv(2, (4, 4), dtype=jnp.bfloat16)):
        result, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), inputs)
        assert result.dtype == jnp.bfloat16
        assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
