import itertools
import logging

import jax
import numpy as np
import pytest

from bgan_jax.losses import effective_sample_size
from bgan_jax.runtime.health import (
    PATIENCE,
    PATIENCE_STEPS,
    PICTURE_PATIENCE_STEPS,
    SATURATED_DISTANCE,
    HealthMonitor,
    latent_share,
    weight_symptoms,
)

WELL = {
    "effective_sample_size": 7.0, "real_accuracy": 0.97, "fake_accuracy": 0.99, "real_logit": 6.5, "fake_logit": -5.7,
}  # fmt: skip


def test_a_healthy_run_has_no_symptoms():
    assert weight_symptoms(WELL, num_samples=10) == {}
    assert weight_symptoms({}, num_samples=10) == {}


@pytest.mark.parametrize(
    ("fake_logits", "symptom"), [(np.zeros((10, 1)), "equal_weights"), (np.eye(10)[:, :1] * 40.0, "one_weight")]
)
def test_symptoms_of_real_weights(fake_logits, symptom):
    size = float(effective_sample_size(np.asarray(fake_logits, np.float32))[0])
    assert set(weight_symptoms({**WELL, "effective_sample_size": size}, num_samples=10)) == {symptom}


def test_a_saturated_discriminator():
    found = weight_symptoms(
        {**WELL, "real_accuracy": 1.0, "fake_accuracy": 1.0, "real_logit": 20.0, "fake_logit": -20.0}, num_samples=10
    )
    assert set(found) == {"saturated"} and "+20.0" in found["saturated"]


def test_a_discriminator_without_errors_that_still_learns_is_not_saturated():
    """Metrics of the small network's 100th step: 100 steps later it errs again, and it trains well to its end."""
    right = {"real_accuracy": 1.0, "fake_accuracy": 1.0, "real_logit": 8.4, "fake_logit": -9.9}
    right["effective_sample_size"] = 2.05
    assert weight_symptoms(right, num_samples=3) == {}


def test_at_the_distance_of_saturation_the_loss_has_lost_its_slope():
    slope = jax.grad(jax.nn.softplus)
    assert slope(-SATURATED_DISTANCE / 2 - 0.01) < np.finfo(np.float32).epsneg < slope(-SATURATED_DISTANCE / 2 + 0.01)


def test_only_lasting_symptoms_are_logged_and_only_once(caplog):
    monitor = HealthMonitor(num_samples=10)
    ill = {**WELL, "effective_sample_size": 1.01}
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        steps = itertools.count(PATIENCE_STEPS, PATIENCE_STEPS)
        for _ in range(PATIENCE - 1):
            monitor.check_metrics(next(steps), ill)
        monitor.check_metrics(next(steps), WELL)
        for _ in range(PATIENCE - 1):
            monitor.check_metrics(next(steps), ill)
        assert not caplog.records
        for _ in range(10):
            monitor.check_metrics(next(steps), ill)
    assert len(caplog.records) == 1 and "effective sample size is 1.01 of 10" in caplog.text


def test_symptoms_of_a_few_steps_are_not_logged_however_often_a_run_reports(caplog):
    monitor = HealthMonitor(num_samples=10)
    ill = {**WELL, "effective_sample_size": 1.01}
    monitor.check_metrics(7, WELL)
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        for step in range(8, 7 + PATIENCE_STEPS):
            monitor.check_metrics(step, ill)
        assert not caplog.records
        monitor.check_metrics(7 + PATIENCE_STEPS, ill)
    assert len(caplog.records) == 1


def test_a_restored_run_starts_its_count_again(caplog):
    monitor = HealthMonitor(num_samples=10)
    ill = {**WELL, "effective_sample_size": 1.01}
    monitor.check_metrics(500, WELL)
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        for step in range(400, 400 + PATIENCE_STEPS, 10):
            monitor.check_metrics(step, ill)
        assert not caplog.records
        monitor.check_metrics(400 + PATIENCE_STEPS, ill)
    assert len(caplog.records) == 1


def test_the_share_of_the_latents_is_the_share_of_variance():
    """Law of total variance, on samples: the variance of the means over the variance of the bits."""
    generator = np.random.default_rng(0)
    probs = generator.beta(0.5, 0.5, size=(20000, 3))
    bits = generator.random(probs.shape) < probs
    np.testing.assert_allclose(latent_share(probs), probs.var(0).sum() / bits.var(0).sum(), rtol=0.02)
    assert latent_share(np.zeros((5, 4))) == 0.0
    one_hot = np.eye(3)[generator.integers(3, size=100)]
    np.testing.assert_allclose(latent_share(one_hot), 1.0)


COLLAPSED = np.full((64, 28, 28, 1), 0.5)


def test_a_collapsed_generator_is_logged(caplog):
    monitor = HealthMonitor(num_samples=10)
    steps = itertools.count(PICTURE_PATIENCE_STEPS, PICTURE_PATIENCE_STEPS)
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        monitor.check_samples(next(steps), COLLAPSED)
        monitor.check_samples(next(steps), np.random.default_rng(0).random((64, 28, 28, 1)))
        monitor.check_samples(next(steps), COLLAPSED)
        assert not caplog.records
        for _ in range(3):
            monitor.check_samples(next(steps), COLLAPSED)
    assert len(caplog.records) == 1 and "collapsed" in caplog.text


def test_a_generator_of_the_first_steps_has_not_collapsed_however_many_pictures_it_gives(caplog):
    monitor = HealthMonitor(num_samples=10)
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        for step in range(PICTURE_PATIENCE_STEPS):
            monitor.check_samples(step, COLLAPSED)
        assert not caplog.records
        monitor.check_samples(PICTURE_PATIENCE_STEPS, COLLAPSED)
    assert len(caplog.records) == 1
