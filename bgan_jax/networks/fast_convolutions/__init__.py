"""What makes a step fast on CPUs: one convolution, several orders of the same sums, each for the use it is fastest in.

XLA's code for CPUs is fast for some convolutions and 2 to 100 times slower for others that compute the same function. A
player therefore carries its discriminator in up to three forms (``networks.Player``), and the algorithms pick one by
its use. Which are used on which platform is in ``networks.convolutions.forms_for``; on a CPU:

===========  =================================  =====================================================================
form         used for                           why, on a CPU
===========  =================================  =====================================================================
``apply``    values and first derivatives       XLA's own convolutions are fastest here
``twice``    penalties, which differentiate     second derivatives of XLA's convolutions have dilated inputs and
             twice                              permuted axes, 2 to 30 times slower
``in_loop``  many small batches in a compiled   layers of a small batch stay in the cache; in a loop XLA's kernel
             loop (``algorithms.microbatches``)  gradient is up to 100 times slower
===========  =================================  =====================================================================

The steps unroll their updates in Python, since a compiled loop around convolutions in XLA's own form is slow too. The
layers are in ``networks/convolutions.py``; measurements are in ``docs/speed.md``. The forms:

=========================================  ============================================================================
:func:`plain_conv`,                        XLA's own
:func:`plain_transposed_conv`
:func:`product_conv`                       one matrix product, of views of the input
:func:`phase_transposed_conv`              a transposed one as ordinary convolutions, one for every phase of the output
:func:`product_transposed_conv`            a transposed one as one matrix product, shifted and added
:func:`paired_conv`,                       in derivatives of every order, whichever of the above is fastest on a CPU
:func:`paired_transposed_conv`
=========================================  ============================================================================

Everything here is channels last: inputs ``[N, *spatial, in]``, kernels ``[*spatial, in, out]``.
"""

from bgan_jax.networks.fast_convolutions.paired import paired_conv, paired_transposed_conv
from bgan_jax.networks.fast_convolutions.phases import phase_transposed_conv
from bgan_jax.networks.fast_convolutions.primitive import plain_conv, plain_transposed_conv
from bgan_jax.networks.fast_convolutions.products import product_conv, product_transposed_conv

__all__ = [
    "paired_conv",
    "paired_transposed_conv",
    "phase_transposed_conv",
    "plain_conv",
    "plain_transposed_conv",
    "product_conv",
    "product_transposed_conv",
]
