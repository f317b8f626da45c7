import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.runtime import metric_totals
from bgan_jax.runtime.metric_totals import add_metrics, empty_totals, read_totals
from bgan_jax.runtime.nonfinite import NonFiniteError

NAMES = ("bound", "grad_norm", "penalty")


def steps(*, shape=(), number=7):
    """Metrics of steps, of sizes that make the order of float32 sums matter."""
    rng = np.random.default_rng(0)
    return [
        {name: (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4)).astype(np.float32) for name in NAMES}
        for _ in range(number)
    ]


@pytest.mark.parametrize("seeds", [(), (4, 5)])
def test_the_means_have_the_bits_of_sums_that_are_kept_one_by_one_and_nothing_is_traced_twice(seeds):
    traced = []

    @jax.jit
    def add(totals, metrics, step):
        traced.append(step)
        return add_metrics(totals, metrics, step=step)

    taken = steps(shape=(len(seeds),) if seeds else ())
    totals = empty_totals(NAMES, num_seeds=len(seeds) or None)
    for number, metrics in enumerate(taken):
        totals = add(totals, metrics, jnp.full(np.shape(metrics["bound"]), number))
    means = read_totals(totals, seeds=seeds)
    for name in NAMES:
        one_by_one = np.float32(0)
        for metrics in taken:
            one_by_one = one_by_one + metrics[name]
        np.testing.assert_array_equal(means[name], np.atleast_1d(one_by_one).astype(np.float64) / len(taken))
    assert list(means) == list(NAMES) and len(traced) == 1


def test_a_report_copies_one_array(monkeypatch):
    copied = []
    to_host = metric_totals.parallel.to_host
    monkeypatch.setattr(
        metric_totals.parallel, "to_host", lambda tree: copied.extend(jax.tree.leaves(tree)) or to_host(tree)
    )
    totals = add_metrics(empty_totals(NAMES), {name: jnp.float32(3) for name in NAMES}, step=jnp.int32(0))
    assert read_totals(totals)["penalty"] == [3.0] and len(copied) == 1


def test_totals_of_no_step_have_no_means():
    assert read_totals(empty_totals(NAMES)) == {}


def test_the_first_step_that_is_not_finite_is_exact_however_late_it_is():
    late = 2**24 + 1  # not a float32
    totals = empty_totals(NAMES)
    for step, bound in ((late, np.inf), (late + 1, 1.0)):
        totals = add_metrics(totals, {name: jnp.float32(bound) for name in NAMES}, step=jnp.int32(step))
    with pytest.raises(NonFiniteError, match=f"^at step {late + 1} these were not finite: bound, grad_norm, penalty"):
        read_totals(totals)
