"""The conventions of public functions, checked automatically."""

import ast
import inspect
import pkgutil
from importlib import import_module

import pytest

import bgan_jax
from bgan_jax import losses
from tests.test_layers import FILES


def public_functions():
    seen = {}
    for info in pkgutil.walk_packages(bgan_jax.__path__, "bgan_jax."):
        module = import_module(info.name)
        for name, member in vars(module).items():
            if inspect.isfunction(member) and member.__module__ == info.name and not name.startswith("_"):
                seen[f"{info.name}.{name}"] = member
    return seen


FUNCTIONS = public_functions()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments(name):
    for position, parameter in enumerate(inspect.signature(FUNCTIONS[name]).parameters.values()):
        assert parameter.name not in ("rng", "prng", "prng_key"), f"{name}: the argument is called key"
        assert parameter.default is parameter.empty or parameter.kind is parameter.KEYWORD_ONLY, (
            f"{name}: {parameter.name} has a default, so it stands after *"
        )
        if parameter.name.startswith(("real_", "fake_")) and name.startswith("bgan_jax.losses"):
            others = inspect.signature(FUNCTIONS[name]).parameters
            swappable = {other for other in others if other.startswith(("real_", "fake_", "log_probs"))}
            assert len(swappable) == 1 or parameter.kind is parameter.KEYWORD_ONLY, (
                f"{name}: {parameter.name} could be swapped silently, so it stands after *"
            )
        if parameter.name == "key" and name.startswith("bgan_jax.losses"):
            assert position <= 1, f"{name}: the key comes first (after a function that is differentiated)"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_says_what_it_does(name):
    assert inspect.getdoc(FUNCTIONS[name]), f"{name} has no docstring"


@pytest.mark.parametrize("name", [name for name in losses.__all__ if inspect.isfunction(getattr(losses, name))])
def test_the_losses_are_documented_in_full(name):
    text = inspect.getdoc(getattr(losses, name))
    for section in ("Args:", "Returns:", "Example:", ">>>"):
        assert section in text, f"losses.{name}: the docstring lacks {section}"


def test_the_contract_is_kept():
    """The public names that users' training loops depend on."""
    contract = {
        "FDivergence", "DIVERGENCES", "alpha_divergence", "divergence_from_f", "variational_lower_bound",
        "discriminator_loss", "importance_weights", "normalized_importance_weights", "log_partition",
        "effective_sample_size", "importance_weighted_loss", "reinforce_loss", "boundary_seeking_loss", "minimax_loss",
        "non_saturating_loss", "f_gan_generator_loss", "least_squares_discriminator_loss",
        "least_squares_generator_loss", "wasserstein_critic_loss", "wasserstein_generator_loss",
        "gradient_norm_penalty", "gradient_penalty",
    }  # fmt: skip
    assert contract <= set(losses.__all__)
    assert set(losses.DIVERGENCES) == {
        "gan", "jensen_shannon", "kl", "reverse_kl", "squared_hellinger", "pearson_chi2", "neyman_chi2", "jeffreys"
    }  # fmt: skip


def test_no_statement_is_removed_by_python_o():
    """``python -O`` removes asserts, with what they do; a condition that matters raises an error."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.Assert), f"{path}:{node.lineno}"
