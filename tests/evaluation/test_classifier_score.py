"""Closed forms and properties of the classifier score."""

import numpy as np
import pytest

from bgan_jax.evaluation.classifier_score import class_shares, classifier_report, classifier_score, mean_entropy


def random_probs(seed, num_images, num_classes=10, *, concentration=0.3):
    return np.random.default_rng(seed).dirichlet(np.full(num_classes, concentration), num_images)


def test_certain_and_balanced_scores_the_number_of_classes():
    assert classifier_score(np.eye(7)[np.arange(70) % 7]).score == pytest.approx(7.0)


def test_identical_predictions_score_one():
    estimate = classifier_score(np.tile([[0.2, 0.5, 0.3]], (9, 1)))
    assert estimate.score == pytest.approx(1.0)
    assert estimate.standard_error == pytest.approx(0.0, abs=1e-12)


def test_hand_computed_case():
    # Rows (.9, .1) and (.1, .9): marginal (.5, .5), KL = .9 log 1.8 + .1 log .2 for both.
    expected = np.exp(0.9 * np.log(1.8) + 0.1 * np.log(0.2))
    assert classifier_score(np.array([[0.9, 0.1], [0.1, 0.9]])).score == pytest.approx(expected)


def test_certain_predictions_score_the_exponential_entropy_of_the_shares():
    probs = np.eye(3)[np.repeat([0, 1, 2], [50, 30, 20])]
    shares = np.array([0.5, 0.3, 0.2])
    assert classifier_score(probs).score == pytest.approx(np.exp(-np.sum(shares * np.log(shares))))
    np.testing.assert_allclose(class_shares(probs), shares)


def test_score_lies_between_one_and_k_and_ignores_order_and_class_names():
    probs = random_probs(0, 500)
    score = classifier_score(probs).score
    assert 1.0 <= score <= 10.0
    shuffled = np.random.default_rng(1).permutation(probs, axis=0)[:, ::-1]
    assert classifier_score(shuffled).score == pytest.approx(score)


def test_merging_classes_cannot_raise_the_score():
    probs = random_probs(2, 300)
    merged = np.concatenate([probs[:, :8], probs[:, 8:].sum(axis=1, keepdims=True)], axis=1)
    assert classifier_score(merged).score <= classifier_score(probs).score


def test_standard_error_matches_the_deviation_over_repeated_samples():
    estimates = [classifier_score(random_probs(seed, 400)) for seed in range(200)]
    spread = np.std([estimate.score for estimate in estimates], ddof=1)
    claimed = np.mean([estimate.standard_error for estimate in estimates])
    # The standard deviation of 200 repeats is known to 5 %.
    assert claimed == pytest.approx(spread, rel=4 * 0.05)


def test_mean_entropy_in_nats():
    assert mean_entropy(np.full((4, 10), 0.1)) == pytest.approx(np.log(10))
    assert mean_entropy(np.eye(4)) == pytest.approx(0.0, abs=1e-12)


def test_report_agrees_with_its_parts():
    probs = random_probs(3, 100).astype(np.float32)
    report = classifier_report(probs)
    assert report.num_images == 100
    assert report.score == classifier_score(probs)
    assert report.smallest_share == report.class_shares.min()
    assert report.class_shares.sum() == pytest.approx(1.0)
    assert report.mean_entropy == mean_entropy(probs)


@pytest.mark.parametrize("probs", [np.zeros((3, 2)), np.array([[2.0, -1.0], [0.5, 0.5]]), np.ones(4) / 4, np.eye(1)])
def test_what_is_not_a_matrix_of_probabilities_is_refused(probs):
    with pytest.raises(ValueError, match="probs must be"):
        classifier_score(probs)
