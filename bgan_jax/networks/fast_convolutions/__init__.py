"""One convolution, several orders of the same sums, for the layers to choose from by what the hardware likes best.

=========================================  ============================================================================
:func:`plain_conv`                         XLA's own
:func:`product_conv`                       one matrix product, of views of the input
:func:`phase_transposed_conv`              a transposed one as ordinary convolutions, one for every phase of the output
:func:`product_transposed_conv`            a transposed one as one matrix product, shifted and added
:func:`paired_conv`,                       of the forms above whichever a CPU likes best, in derivatives of every order
:func:`paired_transposed_conv`
=========================================  ============================================================================

Everything here is channels last: inputs ``[N, *spatial, in]``, kernels ``[*spatial, in, out]``.
"""

from bgan_jax.networks.fast_convolutions.paired import paired_conv, paired_transposed_conv
from bgan_jax.networks.fast_convolutions.phases import phase_transposed_conv
from bgan_jax.networks.fast_convolutions.primitive import plain_conv
from bgan_jax.networks.fast_convolutions.products import product_conv, product_transposed_conv

__all__ = [
    "paired_conv",
    "paired_transposed_conv",
    "phase_transposed_conv",
    "plain_conv",
    "product_conv",
    "product_transposed_conv",
]
