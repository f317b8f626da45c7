"""The worst samples of a run, the calibration of F, and what is refused."""

import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from bgan_jax.evaluation.calibration import calibration, calibration_line
from bgan_jax.sampling.importance_resampling import make_scorer
from experiments import failures
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError
from experiments.harness.reports.sample_grids import show
from experiments.harness.runs.trained_run import load_run
from tests.experiments.test_sample import folder  # noqa: F401


def look(run, out, *arguments):
    given = [f"--workdir={run}", f"--out={out}", "--num=100", "--judge_steps=5", *arguments]
    return failures.main(flags.parse(failures.Config, given, smoke=failures.SMOKE))


def test_the_worst_are_those_of_the_lowest_f_and_of_the_least_certain_class(folder, tmp_path, monkeypatch):  # noqa: F811
    def pretended(classifier, images):
        """Certain of real images, all of class 0; of sample i by (i + 10) in 1000."""
        of_real = np.tile([0.99] + [0.01 / 9] * 9, (len(images), 1))
        certainty = (np.arange(len(images)) + 200) / 1000
        rest = np.tile((1 - certainty)[:, None] / 9, (1, 9))
        return SimpleNamespace(probs=of_real if len(images) > 100 else np.column_stack([certainty, rest]))

    monkeypatch.setattr(failures, "predict", pretended)
    monkeypatch.setattr(failures, "train_or_load_classifier", lambda *arguments, **facts: None)
    monkeypatch.setattr(failures, "FEWEST_RIGHT", 0.05)
    result = look(folder, tmp_path / "out")
    trained = load_run(str(folder))
    samples = trained.sample(jax.random.key(0), 100)
    logits = make_scorer(trained.networks, trained.conditional, trained.disc_variables)(samples.x)
    for name, order in (("least_likely", np.argsort(logits)), ("least_certain", np.arange(100))):
        expected = show(tmp_path, name, failures._some(samples, order[:64]), spec=trained.spec)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / f"{name}.png")), Image.open(expected))
    assert result["less_certain_share"] == 1.0 and result["step"] == 3
    assert json.loads((tmp_path / "out" / "failures.json").read_text()) == result
    assert "100.0 % of the samples than of 99 % of the real images" in (tmp_path / "out" / "failures.md").read_text()


def test_a_classifier_that_knows_too_little_is_left_out(folder, tmp_path):  # noqa: F811
    result = look(folder, tmp_path / "out", f"--judge_steps={1}")
    assert "less_certain_share" not in result and np.isfinite(result["calibration_slope"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "calibration.png", "failures.json", "failures.md", "least_likely.png",
    }  # fmt: skip


def test_diagnostics_are_of_the_last_tenth(tmp_path):
    path = tmp_path / "metrics.jsonl"
    records = [{"step": i, "bound": float(i), "unknown": 1.0} for i in range(1, 41)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert failures.diagnostics(path) == {"bound": 38.5}
    assert failures.diagnostics(tmp_path / "none.jsonl") == {}


def test_a_run_is_needed(tmp_path):
    for workdir, words in (("", "--workdir=FOLDER is needed"), (str(tmp_path / "none"), "holds no run")):
        with pytest.raises(UsageError, match=words):
            look(workdir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_few_held_out_examples_are_refused_before_anything_is_drawn(folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(failures, "open_splits", lambda trained: (range(20), range(9)))
    with pytest.raises(UsageError, match="10 held-out examples at least; there are 9"):
        look(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def draws(num=20_000, scale=1.0, shift=0.0):
    """F of two normal distributions, one apart: the log density ratio is x - 1/2."""
    rng = np.random.default_rng(3)
    return [scale * (rng.normal(mean, 1.0, num) - 0.5) + shift for mean in (1.0, 0.0)]


def test_the_log_density_ratio_is_calibrated():
    found = calibration(*draws(), num_bins=20)
    z = (found.log_ratios - found.logits) / found.standard_errors
    assert np.abs(z).max() < 4.0 and 0.5 < np.sqrt(np.mean(z**2)) < 1.6
    assert found.intercept == pytest.approx(0.0, abs=0.05) and found.slope == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("scale", "shift"), [(2.0, 0.0), (0.5, 0.0), (1.0, 0.7)])
def test_the_line_undoes_a_scale_and_a_shift(scale, shift):
    intercept, slope = calibration_line(*draws(scale=scale, shift=shift))
    assert slope == pytest.approx(1.0 / scale, rel=0.05)
    assert intercept == pytest.approx(-shift / scale, abs=0.05)


def test_sets_of_other_sizes_are_compared_as_densities():
    real, fake = draws()
    assert calibration(real[:2000], fake).intercept == pytest.approx(0.0, abs=0.12)


def test_a_constant_and_a_separation_have_finite_lines():
    assert calibration_line(np.zeros(50), np.zeros(50)) == pytest.approx((0.0, 1.0))
    assert np.isfinite(calibration_line(np.full(50, 3.0), np.full(50, -3.0))).all()


def test_too_few_examples_and_what_is_not_finite_are_refused():
    with pytest.raises(ValueError, match="10 bins need as many real examples and samples, got 5 and 50"):
        calibration(np.zeros(5), np.zeros(50))
    with pytest.raises(ValueError, match="not finite"):
        calibration(np.full(50, np.nan), np.zeros(50))
