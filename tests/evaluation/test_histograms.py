"""Closed forms of the base-2 Jensen-Shannon divergence."""

import numpy as np
import pytest

from bgan_jax.evaluation.histograms import js_divergence_bits
from bgan_jax.losses import DIVERGENCES


def test_extremes():
    assert js_divergence_bits(np.array([1, 2, 0]), np.array([10, 20, 0])) == 0.0
    assert js_divergence_bits(np.array([1, 2, 0]), np.array([0, 0, 7])) == 1.0


def test_hand_computed_case():
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4).
    expected = 0.5 * np.log2(4 / 3) + 0.5 * (0.5 * np.log2(2 / 3) + 0.5 * np.log2(2))
    assert js_divergence_bits(np.array([3, 0]), np.array([5, 5])) == pytest.approx(expected)


def test_it_is_the_f_divergence_in_other_units():
    # losses' jensen_shannon is twice the divergence, in nats.
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.6, 0.3])
    nats = float(np.sum(q * np.asarray(DIVERGENCES["jensen_shannon"].f(p / q))))
    assert js_divergence_bits(p, q) == pytest.approx(nats / 2 / np.log(2), rel=1e-5)


def test_symmetric_and_a_squared_metric():
    p, q, r = np.random.default_rng(0).dirichlet(np.ones(6), 3)
    assert js_divergence_bits(p, q) == pytest.approx(js_divergence_bits(q, p))
    assert np.sqrt(js_divergence_bits(p, r)) <= np.sqrt(js_divergence_bits(p, q)) + np.sqrt(js_divergence_bits(q, r))


@pytest.mark.parametrize("counts", [np.zeros(2), np.array([1.0, -1.0]), np.array([]), np.array([np.inf, 1.0])])
def test_what_cannot_be_normalised_is_refused(counts):
    with pytest.raises(ValueError, match="first_counts"):
        js_divergence_bits(counts, np.ones(2))


def test_other_bins_are_refused():
    with pytest.raises(ValueError, match="same bins"):
        js_divergence_bits(np.ones(2), np.ones(3))
