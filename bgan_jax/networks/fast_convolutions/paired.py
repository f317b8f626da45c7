r"""Convolutions whose derivatives of every order are cheap on CPU (reverse mode only).

A strided convolution is linear in the input x and in the kernel w. With a cotangent v it spans one trilinear form,

.. math:: \Phi(v, x, w) = \langle v, C(x, w) \rangle = \langle T(v, w), x \rangle = \langle W(x, v), w \rangle,

whose three bilinear maps are the convolution C, the transposed convolution T and the kernel gradient W. The
derivative of any of them is another of them, so the family is closed under differentiation of any order. Here each is
computed in the form that runs fastest. Left to itself, the compiler meets dilated inputs and turned axes, for which it
has no fast code: second derivatives then are two to thirty times slower, and a kernel's gradient inside a compiled loop
a hundred times.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bgan_jax.networks.fast_convolutions.phases import phase_transposed_conv
from bgan_jax.networks.fast_convolutions.primitive import Edges, convolve
from bgan_jax.networks.fast_convolutions.products import product_conv, product_transposed_conv
from bgan_jax.networks.fast_convolutions.upsampling import upsampled

#: Up to so many channels a product is the faster form (two to nine times, of grey and of coloured images).
FEW_CHANNELS = 4
#: And up to so many products, 8 MiB, of whatever channels: more of them do not stay in the cache until they are added.
PRODUCTS_IN_CACHE = 2**21


def paired_conv(inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: int, precision: Any = None) -> jax.Array:
    """Computes :func:`plain_conv` with cheap derivatives of every order (reverse mode only).

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``.
      stride: stride of every spatial axis (static).
      padding: zeros on both sides of every spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *strided, out]``.

    Example:
      >>> paired_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((4, 4, 3, 5)), stride=2, padding=1).shape
      (1, 4, 4, 5)
    """
    rank = inputs.ndim - 2
    shapes = (inputs.shape[1:-1], kernel.shape[:rank])
    return _paired_forward(stride, ((padding, padding),) * rank, precision, shapes, inputs, kernel)


def paired_transposed_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any = None
) -> jax.Array:
    """Computes :func:`phase_transposed_conv` with cheap derivatives of every order (reverse mode only).

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``; not mirrored, as in ``lax.conv_transpose``.
      stride: upsampling factor of every spatial axis (static).
      edges: (low, high) zeros around the dilated input, one pair per spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *upsampled, out]``.

    Example:
      >>> paired_transposed_conv(jnp.ones((1, 7, 7, 3)), jnp.ones((4, 4, 3, 5)), stride=2, edges=((2, 2), (2, 2))).shape
      (1, 14, 14, 5)
    """
    rank = inputs.ndim - 2
    taps = kernel.shape[:rank]
    # The convolution that this is the transpose of: from the upsampled grid to the inputs', with the kernel turned.
    around = tuple((k - 1 - low, k - 1 - high) for k, (low, high) in zip(taps, edges, strict=True))
    turned = jnp.flip(kernel, range(rank)).swapaxes(-1, -2)
    lengths = upsampled(inputs.shape[1:-1], taps, stride=stride, edges=edges)
    return _paired_transposed(stride, around, precision, (lengths, taps), inputs, turned)


# ``shapes`` holds the lengths of x and the taps of w, which T and W cannot read off their arguments.


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def _paired_forward(stride, edges, precision, shapes, inputs, kernel):
    conv = product_conv if kernel.shape[-2] <= FEW_CHANNELS else convolve
    return conv(inputs, kernel, stride=stride, edges=edges, precision=precision)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def _paired_transposed(stride, edges, precision, shapes, cotangent, kernel):
    lengths, taps = shapes
    mirrored = jnp.flip(kernel, range(len(taps))).swapaxes(-1, -2)
    lows = [k - 1 - low for k, (low, _) in zip(taps, edges, strict=True)]
    highs = [
        n + k - 2 - (q - 1) * stride - low
        for n, k, q, low in zip(lengths, taps, cotangent.shape[1:-1], lows, strict=True)
    ]
    around = tuple(zip(lows, highs, strict=True))
    num_products = math.prod(cotangent.shape[:-1]) * math.prod(kernel.shape[:-1])
    by_product = kernel.shape[-2] <= FEW_CHANNELS or (stride > 1 and num_products <= PRODUCTS_IN_CACHE)
    conv = product_transposed_conv if by_product else phase_transposed_conv
    return conv(cotangent, mirrored, stride=stride, edges=around, precision=precision)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def _paired_kernel(stride, edges, precision, shapes, inputs, cotangent):
    # A convolution of the inputs by the cotangents, spread by the stride, with examples instead of channels. The
    # axes are moved by hand: the transpose that JAX would write leaves them where the compiler finds no fast code.
    lengths, taps = shapes
    around = []
    for axis, (n, k, (low, _), q) in enumerate(zip(lengths, taps, edges, cotangent.shape[1:-1], strict=True), start=1):
        high = k + (q - 1) * stride - n - low
        if high < 0:  # the last inputs meet no tap
            inputs = lax.slice_in_dim(inputs, 0, n + high, axis=axis)
        around.append((low, max(high, 0)))
    turned, taps_of_it = inputs.swapaxes(0, -1), jnp.moveaxis(cotangent, 0, -2)
    gradient = convolve(turned, taps_of_it, stride=1, edges=tuple(around), precision=precision, dilation=stride)
    return jnp.moveaxis(gradient, 0, -2)


def _save(function):
    def forward(stride, edges, precision, shapes, left, right):
        return function(stride, edges, precision, shapes, left, right), (left, right)

    return forward


def _forward_vjp(stride, edges, precision, shapes, saved, cotangent):
    inputs, kernel = saved
    static = (stride, edges, precision, shapes)
    return _paired_transposed(*static, cotangent, kernel), _paired_kernel(*static, inputs, cotangent)


def _transposed_vjp(stride, edges, precision, shapes, saved, inputs):
    cotangent, kernel = saved
    static = (stride, edges, precision, shapes)
    return _paired_forward(*static, inputs, kernel), _paired_kernel(*static, inputs, cotangent)


def _kernel_vjp(stride, edges, precision, shapes, saved, kernel):
    inputs, cotangent = saved
    static = (stride, edges, precision, shapes)
    return _paired_transposed(*static, cotangent, kernel), _paired_forward(*static, inputs, kernel)


_paired_forward.defvjp(_save(_paired_forward), _forward_vjp)
_paired_transposed.defvjp(_save(_paired_transposed), _transposed_vjp)
_paired_kernel.defvjp(_save(_paired_kernel), _kernel_vjp)
