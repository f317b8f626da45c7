import numpy as np
import pytest

from bgan_jax.evaluation.copies import HELD_OUT_SHARE, copy_reference, copy_report, nearest_distances


def digits(n, *, seed):
    """Bits of which every pixel has a probability of its own."""
    return (np.random.default_rng(seed).random((n, 6, 6, 1)) < np.linspace(0.1, 0.9, 36).reshape(6, 6, 1)).astype(
        np.uint8
    )


def test_distances_are_those_of_every_pair():
    random = np.random.default_rng(0)
    points, reference = random.normal(size=(7, 3, 2)), random.normal(size=(5000, 3, 2))  # more than one batch
    pairs = np.linalg.norm((points[:, None] - reference[None]).reshape(7, 5000, -1), axis=-1)
    np.testing.assert_allclose(nearest_distances(points, reference), pairs.min(axis=1), rtol=1e-4)


def test_fresh_samples_of_the_distribution_are_not_copies():
    report = copy_report(
        digits(500, seed=2), reference=copy_reference(training=digits(400, seed=0), held_out=digits(500, seed=1))
    )
    standard_error = np.sqrt(2 * HELD_OUT_SHARE / 500)
    assert report.copied_share < HELD_OUT_SHARE + 4 * standard_error
    assert report.identical_share == 0.0


@pytest.mark.parametrize("share", [0.25, 1.0])
@pytest.mark.parametrize("changed", [0, 1])
def test_copies_are_counted_also_with_a_changed_pixel(share, changed):
    training, held_out = digits(400, seed=0), digits(500, seed=1)
    samples = digits(200, seed=2)
    copies = int(200 * share)
    samples[:copies] = training[:copies]
    samples[:copies, :changed, 0, 0] ^= 1
    report = copy_report(samples, reference=copy_reference(training=training, held_out=held_out))
    assert abs(report.copied_share - share) < 0.05
    assert report.identical_share == (share if changed == 0 else 0.0)


def test_repeated_real_examples_are_not_called_copies():
    few = digits(20, seed=0)
    real = np.concatenate([few] * 20)
    report = copy_report(real[:100], reference=copy_reference(training=real[100:250], held_out=real[250:]))
    assert report.threshold == 0.0 and report.copied_share == 0.0
    assert report.identical_share == 1.0


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="same data dims"):
        copy_report(np.zeros((2, 3)), reference=copy_reference(training=np.zeros((2, 4)), held_out=np.zeros((2, 3))))
    with pytest.raises(ValueError, match="at least 1"):
        copy_report(np.zeros((0, 3)), reference=copy_reference(training=np.zeros((2, 3)), held_out=np.zeros((2, 3))))
