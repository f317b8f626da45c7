"""Networks as pure functions of variables and arrays: the records that the rest of the package uses."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.losses.elementary import at_least_float32
from bgan_jax.networks.convolutions import CPU, Forms
from bgan_jax.networks.latents import LatentPrior, choose_category

Variables = Mapping[str, Any]


class Init(Protocol):
    """Makes the variables of a network: ``{"params": ...}`` and, where it keeps statistics, ``"batch_stats"``."""

    def __call__(self, key: jax.Array, /) -> dict[str, Any]:
        """Draws the variables."""
        ...


class Apply(Protocol):
    """Applies a network: result, and the collections that the pass changed (``{}`` when it changed none)."""

    def __call__(self, variables: Variables, inputs: Any, /, *, train: bool) -> tuple[jax.Array, dict[str, Any]]:
        """Evaluates the network."""
        ...


class Player(NamedTuple):
    """One network of a game, as pure functions.

    ``apply``, ``twice`` and ``in_loop`` are one function of the same variables in different forms: the same sums in
    another order, so that each use gets the form that runs fastest (``fast_convolutions/``).

    Attributes:
      init: ``init(key) -> variables``. May be jitted, and needs no device axis.
      apply: ``apply(variables, inputs, *, train) -> (result, new_model_state)``. With ``train`` (static) batch
        statistics are those of the batch, over all devices when the network was built with an axis name, and
        ``new_model_state`` holds the updated collections: ``{**variables, **new_model_state}`` are the next variables,
        and dropping it leaves the statistics as they were. Without ``train`` running statistics are used and nothing
        changes.
      twice: the form that is cheapest to differentiate twice; ``None`` where that is ``apply``.
      in_loop: the form that is fastest in a compiled loop over small batches; ``None`` where that is ``apply``, or
        where a batch may not be cut up.
      batch_independent: whether the result at one point does not depend on the rest of the batch, so that a batch may
        be cut up or joined to another. False with batch normalisation, and with spectral normalisation, whose estimate
        moves with every batch.
    """

    init: Init
    apply: Apply
    twice: Apply | None = None
    in_loop: Apply | None = None
    batch_independent: bool = False

    @property
    def apply_twice(self) -> Apply:
        """The form to differentiate twice: ``twice``, or ``apply`` where there is none."""
        return self.twice or self.apply


class Networks(NamedTuple):
    """The two players of a game and the latents they were made for.

    Attributes:
      name: name of the preset.
      gen: latents ``[N, latent_dim]`` -> logits or pixels ``[N, *example_shape]``, float32.
      disc: points ``[N, *example_shape]`` -> F ``[N]``, the estimated log density ratio, float32; ``[N, L]``, one per
        position, in the presets of text that say so.
      example_shape: shape of one point as the discriminator sees it, channels (or one-hot classes) last.
      latent_dim: d.
      latent_prior: ``"normal"`` or ``"uniform"`` on [0, 1).
      output: ``"logits"`` (of a Bernoulli or, over the last axis, a categorical), ``"pixels"`` in [-1, 1], or
        ``"points"``, unbounded reals.
      latent_categories: K, categories that the first coordinate of a latent chooses from; 0 for none.
      output_bias: names that lead to the bias of the generator's last layer in its parameters; ``None`` where the
        preset does not say.
      baseline: latents ``[N, latent_dim]`` -> the reward to expect ``[N]``, for an estimator that learns one.
    """

    name: str
    gen: Player
    disc: Player
    example_shape: tuple[int, ...]
    latent_dim: int
    latent_prior: LatentPrior
    output: str
    latent_categories: int = 0
    output_bias: tuple[str, ...] | None = None
    baseline: Player | None = None


class Options(NamedTuple):
    """Options of a preset; ``None`` keeps the preset's value. Everything here is static.

    Attributes:
      latent_dim: size of the latents.
      latent_categories: K, categories that the first coordinate of a latent chooses from, as in
        :func:`~bgan_jax.networks.latents.choose_category`; 0 for none.
      width: the preset's base number of maps or units.
      axis_name: device axis over which batch statistics are taken; ``None`` for one device.
      dtype: dtype of the hidden computation; logits and parameters are float32 whatever it is.
      spectral_norm: spectral normalisation of every kernel of the discriminator.
      forms: forms of the convolutions, as suits the platform.
      output_bias: initial bias of the generator's last layer, one number for each of its outputs, in a preset that has
        one; ``None`` for the preset's own.
      given_column: first logit and number of categories of the column of a table that both players are conditional on,
        in a preset that can be; ``None`` for none.
    """

    latent_dim: int | None = None
    latent_categories: int = 0
    width: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32
    spectral_norm: bool = False
    forms: Forms = CPU
    output_bias: tuple[float, ...] | None = None
    given_column: tuple[int, int] | None = None


def player(
    module: nn.Module,
    *input_shapes: tuple[int, ...],
    twice: nn.Module | None = None,
    in_loop: nn.Module | None = None,
    batch_independent: bool = False,
) -> Player:
    """Wraps a Linen module whose call is ``module(*inputs, train=...)``; its result is made at least float32.

    Args:
      module: the network.
      *input_shapes: shape of one example of each input, without the batch axis. A network of one input takes an array,
        a network of several takes a tuple of arrays.
      twice: the same network in the form that is cheapest to differentiate twice; ``None`` for none of its own.
      in_loop: the same network in the form for compiled loops; ``None`` for none of its own.
      batch_independent: as in :class:`Player`.

    Returns:
      The network as pure functions.

    Example:
      >>> class Scale(nn.Module):
      ...     @nn.compact
      ...     def __call__(self, inputs, *, train):
      ...         return inputs * self.param("scale", nn.initializers.ones_init(), ())
      >>> scale = player(Scale(), (3,))
      >>> result, new_model_state = scale.apply(scale.init(jax.random.key(0)), jnp.ones((2, 3)), train=True)
      >>> result.shape, new_model_state
      ((2, 3), {})
    """

    def init(key: jax.Array, /) -> dict[str, Any]:
        return dict(module.init(key, *(jnp.zeros((1, *shape)) for shape in input_shapes), train=False))

    def apply_of(module: nn.Module) -> Apply:
        def apply(variables: Variables, inputs: Any, /, *, train: bool) -> tuple[jax.Array, dict[str, Any]]:
            arguments = inputs if len(input_shapes) > 1 else (inputs,)
            if not train:
                return at_least_float32(module.apply(variables, *arguments, train=False)), {}
            result, new_model_state = module.apply(variables, *arguments, train=True, mutable=["batch_stats"])
            return at_least_float32(result), dict(new_model_state)

        return apply

    return Player(
        init=init,
        apply=apply_of(module),
        twice=None if twice is None else apply_of(twice),
        in_loop=None if in_loop is None else apply_of(in_loop),
        batch_independent=batch_independent,
    )


def with_categories(gen: Player, *, num_categories: int, prior: LatentPrior) -> Player:
    """Returns a generator on latents whose first coordinate chooses a category, which the given one takes one-hot.

    Args:
      gen: of the other coordinates and the category, ``[N, d - 1 + K]``.
      num_categories: K.
      prior: prior of the latents.

    Returns:
      The generator on latents, ``[N, d]``, with the same variables.
    """

    def apply(variables: Variables, latents: jax.Array, /, *, train: bool) -> tuple[jax.Array, dict[str, Any]]:
        return gen.apply(variables, choose_category(latents, num_categories=num_categories, prior=prior), train=train)

    return gen._replace(apply=apply)


def assemble(
    name: str,
    example_shape: tuple[int, ...],
    options: Options,
    *,
    generator: nn.Module,
    discriminator: nn.Module,
    latent_dim: int,
    latent_prior: LatentPrior,
    output: str,
) -> Networks:
    """Returns a preset's two modules, with the caller's options, as pure functions.

    Args:
      name: the preset's name.
      example_shape: shape of one point.
      options: what the caller changes.
      generator: latents to logits or pixels; has attributes ``axis_name``, ``dtype`` and, if it has transposed
        convolutions, ``form``.
      discriminator: points to F; has attributes ``axis_name``, ``dtype``, ``spectral_norm`` and, if it convolves,
        ``form``; and may have ``rectifier``, a form too, and ``batch_independent``, as in :class:`Player`, false where
        missing.
      latent_dim: the preset's size of the latents.
      latent_prior: the preset's prior.
      output: what the generator makes, as in :class:`Networks`.

    Returns:
      The networks.

    Raises:
      ValueError: ``latent_categories`` is 1 or negative.
    """
    latent_dim, categories = options.latent_dim or latent_dim, options.latent_categories
    if categories < 0 or categories == 1:
        raise ValueError(f"latent_categories is {categories}; it must be at least 2, or 0 for none")
    forms, convolves = options.forms, hasattr(discriminator, "form")
    generator = generator.clone(axis_name=options.axis_name, dtype=options.dtype)
    if hasattr(generator, "form"):
        generator = generator.clone(form=forms.transposed)
    discriminator = discriminator.clone(
        axis_name=options.axis_name, dtype=options.dtype, spectral_norm=options.spectral_norm
    )
    if convolves and forms.strided is not None:
        discriminator = discriminator.clone(form=forms.strided)
    if hasattr(discriminator, "rectifier"):
        discriminator = discriminator.clone(rectifier=forms.rectifier)
    batch_independent = getattr(discriminator, "batch_independent", False)
    gen = player(generator, (latent_dim - 1 + categories if categories else latent_dim,))
    if categories:
        gen = with_categories(gen, num_categories=categories, prior=latent_prior)
    return Networks(
        name=name,
        gen=gen,
        disc=player(
            discriminator,
            example_shape,
            twice=discriminator.clone(form=forms.twice) if convolves else None,
            in_loop=discriminator.clone(form="paired") if convolves and batch_independent else None,
            batch_independent=batch_independent,
        ),
        example_shape=example_shape,
        latent_dim=latent_dim,
        latent_prior=latent_prior,
        output=output,
        latent_categories=categories,
    )


def check_example_shape(name: str, example_shape: tuple[int, ...], *, expected: tuple[int | None, ...]) -> None:
    """Raises for data that a preset was not made for.

    Args:
      name: the preset's name.
      example_shape: shape of one point of the data.
      expected: shape that the preset makes; ``None`` where any size is fine.

    Raises:
      ValueError: the shapes do not fit.
    """
    fits = len(example_shape) == len(expected) and all(
        e is None or e == s for e, s in zip(expected, example_shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if e is None else str(e) for e in expected)
        raise ValueError(
            f"network {name!r} makes examples of shape ({wanted}), but the data has {tuple(example_shape)}; "
            "choose a network of the data's shape"
        )
