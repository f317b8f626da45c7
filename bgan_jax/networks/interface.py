"""What the rest of the package sees of a network: pure functions of variables and arrays."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.networks.convolutions import ConvForm
from bgan_jax.networks.latents import LatentPrior

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

    Attributes:
      init: ``init(key) -> variables``. May be jitted, and needs no device axis.
      apply: ``apply(variables, inputs, *, train) -> (result, new_model_state)``. With ``train`` (static) batch
        statistics are those of the batch, over all devices when the network was built with an axis name, and
        ``new_model_state`` holds the updated collections: ``{**variables, **new_model_state}`` are the next variables,
        and dropping it leaves the statistics as they were. Without ``train`` running statistics are used and nothing
        changes.
    """

    init: Init
    apply: Apply


class Networks(NamedTuple):
    """The two players of a game and the latents they were made for.

    Attributes:
      name: name of the preset.
      gen: latents ``[N, latent_dim]`` -> logits or pixels ``[N, *example_shape]``, float32.
      disc: points ``[N, *example_shape]`` -> F ``[N]``, the estimated log density ratio, float32; ``[N, L]``, one per
        position, in the presets of text that say so.
      disc_double_backward: the function ``disc`` of the same variables, in the form that is cheap to differentiate
        twice.
      example_shape: shape of one point as the discriminator sees it, channels (or one-hot classes) last.
      latent_dim: d.
      latent_prior: ``"normal"`` or ``"uniform"`` on [0, 1).
      output: ``"logits"`` (of a Bernoulli or, over the last axis, a categorical) or ``"pixels"`` in [-1, 1], or
        ``"points"``, unbounded reals.
      independent: whether ``disc`` judges every point by itself; not so with batch normalisation.
      disc_in_loop: the function ``disc`` of the same variables in the form that a CPU runs and trains fastest in a
        compiled loop over small batches; ``None`` where that gains nothing, or points are not independent.
      baseline: latents ``[N, latent_dim]`` -> the reward to expect ``[N]``, for an estimator that learns one.
    """

    name: str
    gen: Player
    disc: Player
    disc_double_backward: Player
    example_shape: tuple[int, ...]
    latent_dim: int
    latent_prior: LatentPrior
    output: str
    independent: bool = False
    disc_in_loop: Player | None = None
    baseline: Player | None = None


class Options(NamedTuple):
    """What a caller may change of a preset; ``None`` keeps the preset's value. Everything here is static.

    Attributes:
      latent_dim: size of the latents.
      width: the preset's base number of maps or units.
      axis_name: device axis over which batch statistics are taken; ``None`` for one device.
      dtype: dtype of the hidden computation; logits and parameters are float32 whatever it is.
      spectral_norm: spectral normalisation of every kernel of the discriminator.
      double_backward_form: form of the convolutions of ``disc_double_backward``; ``"auto"`` asks the backend when it is
        traced.
    """

    latent_dim: int | None = None
    width: int | None = None
    axis_name: str | None = None
    dtype: Any = jnp.float32
    spectral_norm: bool = False
    double_backward_form: ConvForm = "auto"


def player(module: nn.Module, *input_shapes: tuple[int, ...]) -> Player:
    """Wraps a Linen module whose call is ``module(*inputs, train=...)``.

    Args:
      module: the network.
      *input_shapes: shape of one example of each input, without the batch axis. A network of one input takes an array,
        a network of several takes a tuple of arrays.

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

    def apply(variables: Variables, inputs: Any, /, *, train: bool) -> tuple[jax.Array, dict[str, Any]]:
        arguments = inputs if len(input_shapes) > 1 else (inputs,)
        if not train:
            return module.apply(variables, *arguments, train=False), {}  # type: ignore[return-value]
        result, new_model_state = module.apply(variables, *arguments, train=True, mutable=["batch_stats"])
        return result, dict(new_model_state)

    return Player(init=init, apply=apply)


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
    """A preset's two modules, with the caller's options, as pure functions.

    Args:
      name: the preset's name.
      example_shape: shape of one point.
      options: what the caller changes.
      generator: latents to logits or pixels; has attributes ``axis_name`` and ``dtype``.
      discriminator: points to F; has attributes ``axis_name``, ``dtype``, ``spectral_norm`` and, if it convolves,
        ``form``; and may have ``independent``, whether it judges every point by itself, as if it did not where missing.
      latent_dim: the preset's size of the latents.
      latent_prior: the preset's prior.
      output: what the generator makes, as in :class:`Networks`.

    Returns:
      The networks.
    """
    latent_dim = options.latent_dim or latent_dim
    generator = generator.clone(axis_name=options.axis_name, dtype=options.dtype)
    discriminator = discriminator.clone(
        axis_name=options.axis_name, dtype=options.dtype, spectral_norm=options.spectral_norm
    )
    convolves, independent = hasattr(discriminator, "form"), getattr(discriminator, "independent", False)
    twice = discriminator.clone(form=options.double_backward_form) if convolves else discriminator
    in_loop = discriminator.clone(form="paired") if convolves and independent else None
    return Networks(
        name=name,
        gen=player(generator, (latent_dim,)),
        disc=player(discriminator, example_shape),
        disc_double_backward=player(twice, example_shape),
        example_shape=example_shape,
        latent_dim=latent_dim,
        latent_prior=latent_prior,
        output=output,
        independent=independent,
        disc_in_loop=None if in_loop is None else player(in_loop, example_shape),
    )


def check_example_shape(name: str, example_shape: tuple[int, ...], *, expected: tuple[int | None, ...]) -> None:
    """Refuses data that a preset was not made for.

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
