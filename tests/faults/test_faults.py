"""One of each fault of the report: ``python -m tests.faults --report`` runs many."""

import pytest

from tests import launching
from tests.faults import injections


@pytest.mark.exhaustive
def test_killed_at_random_moments(tmp_path):
    row = injections.kill_at_random(tmp_path, kills=1, steps=100, every=10, seed=3)
    assert row.recovered == row.injected > 0, row.line()


def test_killed_while_saving(tmp_path):
    row = injections.kill_while_saving(tmp_path, kills=1)
    assert row.recovered == row.injected == 1, row.line()


def test_a_full_disk(tmp_path):
    row = injections.fill_the_disk(tmp_path)
    assert row.recovered == row.injected == 1, (tmp_path / "log.log0").read_text()


def test_a_number_that_is_not_finite_restores_the_last_checkpoint(tmp_path):
    row = injections.go_back_from_nan(tmp_path)
    assert row.recovered == row.injected == 1, (tmp_path / "restored.log0").read_text()


def test_a_run_that_is_never_finite_restores_three_times_and_stops(tmp_path):
    job = launching.launch(
        tmp_path / "run", "--steps=40", "--checkpoint_every=1", "--report_every=1", "--nan_policy=restore",
        "--learning_rate_disc=1e25", "--divergence=pearson_chi2",
    )  # fmt: skip
    assert job.wait() == [1]
    log = job.log()
    assert log.count("with other random numbers") == 3
    assert log.strip().splitlines()[-1].startswith("error: at step ")
