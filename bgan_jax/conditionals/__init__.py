r"""The generator's conditional distributions g(x|z), one family a file.

All but the general ones are exponential families in the generator's logits ``l``. With the sufficient statistics
``t(x)`` (the bits themselves, or one-hot vectors) and the log-normaliser ``A(l)``,

.. math:: \log g(x \mid z) = \langle t(x), l \rangle - A(l), \qquad \nabla_l A(l) = E[t(x)].

The log-probability is linear in ``t(x)``, which is what makes training cheap: a weighted sum over M samples of
``log g`` is ``log g`` at the weighted mean of their statistics, so one backward pass through the generator serves
any M. The discriminator sees ``t(x)`` too, so the same array is its input.

Shapes: ``...`` are an example's own dims. A binary image has logits and bits of shape ``[..., H, W, C]``; a
categorical one has symbols of shape ``[..., H, W]`` and logits of shape ``[..., H, W, K]``; text drops ``W``. A row of
a table has a coordinate for each column and flat logits, column by column (``categorical_columns.py``).

Families are composed: ``product_of_parts`` (named parts side by side), ``optional`` (a part that may be missing),
``with_mask`` (positions that do not exist). ``general_conditional`` makes one of any sampler and log-probability, which
is trained with a pass over all M samples.
"""

from bgan_jax.conditionals.bernoulli import product_bernoulli
from bgan_jax.conditionals.by_kind import conditional_for
from bgan_jax.conditionals.categorical import product_categorical
from bgan_jax.conditionals.categorical_columns import product_categorical_columns
from bgan_jax.conditionals.conditional import Conditional, sample_conditionals, sample_statistics
from bgan_jax.conditionals.gaussian import product_gaussian
from bgan_jax.conditionals.general import general_conditional
from bgan_jax.conditionals.keys import example_keys, latent_and_sample_keys
from bgan_jax.conditionals.masked import with_mask
from bgan_jax.conditionals.optional import optional
from bgan_jax.conditionals.parts import Part, product_of_parts

__all__ = [
    "Conditional",
    "Part",
    "conditional_for",
    "example_keys",
    "general_conditional",
    "latent_and_sample_keys",
    "optional",
    "product_bernoulli",
    "product_categorical",
    "product_categorical_columns",
    "product_gaussian",
    "product_of_parts",
    "sample_conditionals",
    "sample_statistics",
    "with_mask",
]
