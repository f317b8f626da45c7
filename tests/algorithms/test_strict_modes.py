"""Steps in JAX's strict modes: no operation depends on an implicit promotion of types or ranks."""

import jax
import jax.numpy as jnp
import pytest

from bgan_jax.runtime.platform import this_process
from experiments import continuous_images, discrete_mnist
from experiments.harness.runs import continuous, discrete
from experiments.palette_images import command as palette_images
from experiments.text_characters import command as text_characters

SMALL = {"workdir": "unused", "batch_size": 16, "width": 4}
HALF_LIVES = {"learning_rate_half_life": 5, "penalty_half_life": 3.0}
MLP = {"network": "mlp", "num_samples": 4, "penalty_stride": 1, "latent_dim": 4, **SMALL}
DISCRETE = {
    "boundary seeking": discrete_mnist.Config(**MLP, **HALF_LIVES),
    "several updates": discrete_mnist.Config(**MLP, gen_steps=2, disc_steps=2, average_decay=0.9),
    "reinforce": discrete_mnist.Config(**MLP, estimator="reinforce_learned_baseline"),
    "relaxed": discrete_mnist.Config(**MLP, estimator="gumbel_soft"),
    "convolutions": discrete_mnist.Config(**SMALL | {"width": None}, penalty_stride=1),
    "text": text_characters.Config(**SMALL, penalty_stride=1),
    "bfloat16": discrete_mnist.Config(**SMALL | {"width": 4}, penalty_stride=1, compute_dtype="bfloat16"),
    "text, bfloat16": text_characters.Config(**SMALL, penalty_stride=1, compute_dtype="bfloat16"),
    "palette": palette_images.Config(**SMALL, penalty_stride=1),
}
CONTINUOUS = {
    "spectral norm": continuous_images.Config(network="dcgan32_cortex", spectral_norm=True, **HALF_LIVES, **SMALL),
    "residual": continuous_images.Config(network="resnet32", **SMALL),
    "WGAN-GP": continuous_images.Config(
        network="mlp_tanh", objective="wasserstein", penalty_form="wgan_gp", latent_dim=4, **SMALL
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def strict():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def trace(config, prepare, dtype):
    experiment = prepare(config, this_process())
    shape = experiment.dataset.spec.shape
    jax.eval_shape(
        experiment.step_over(None),
        jax.eval_shape(experiment.initialize, jax.random.key(0)),
        jax.ShapeDtypeStruct((config.disc_steps, config.batch_size, *shape), dtype),
        jax.ShapeDtypeStruct((config.batch_size,), jnp.int32),
    )


def test_bfloat16_keeps_state_and_metrics_in_float32():
    experiment = discrete.prepare(DISCRETE["bfloat16"], this_process())
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))
    real = jax.ShapeDtypeStruct((1, 16, *experiment.dataset.spec.shape), jnp.int32)
    index = jax.ShapeDtypeStruct((16,), jnp.int32)
    after, metrics = jax.eval_shape(experiment.step_over(None), state, real, index)
    assert jax.tree.map(lambda leaf: leaf.dtype, after) == jax.tree.map(lambda leaf: leaf.dtype, state)
    assert {value.dtype for value in metrics.values()} == {jnp.dtype("float32")}
    assert "bf16[" in str(jax.make_jaxpr(experiment.step_over(None))(state, real, index))


@pytest.mark.parametrize("config", DISCRETE.values(), ids=DISCRETE.keys())
def test_discrete_steps(config):
    trace(config, discrete.prepare, jnp.int32)


@pytest.mark.parametrize("config", CONTINUOUS.values(), ids=CONTINUOUS.keys())
def test_continuous_steps(config):
    trace(config, continuous.prepare, jnp.float32)
