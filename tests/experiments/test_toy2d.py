"""The planar pictures from the outside, and the parts of them that have laws."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from bgan_jax.evaluation.planar import planar_target, sample_planar
from bgan_jax.losses import GENERATOR_OBJECTIVES
from experiments.harness.cli import flags
from experiments.harness.reports.report_page import write_own_page
from experiments.toy2d import command as toy2d
from experiments.toy2d import figures
from experiments.toy2d.measurement import coverage_of
from tests.experiments.refusals import assert_refused, flag_of

TINY = ["--smoke", "--batch_size=8", "--width=8", "--steps=4", "--measured_samples=50"]


def config(folder, *arguments):
    return flags.parse(toy2d.Config, [f"--workdir={folder}", *TINY, *arguments], smoke=toy2d.SMOKE)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy2d") / "run"
    return folder, toy2d.main(config(folder))


def test_what_a_run_leaves_behind(finished):
    folder, result = finished
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "versions.json", "result.json", "result.md", "toy2d.png", "toy2d.gif", "pictures",
    }  # fmt: skip
    assert json.loads((folder / "result.json").read_text()) == result
    real = np.asarray(Image.open(folder / "pictures" / "real.png").convert("RGB"))
    assert len(np.unique(real.reshape(-1, 3), axis=0)) > 50
    assert 'alt="real examples"' in write_own_page(folder).read_text()
    page = np.asarray(Image.open(folder / "toy2d.png").convert("RGB"))
    assert page.shape[0] > 600 and len(np.unique(page.reshape(-1, 3), axis=0)) > 500
    with Image.open(folder / "toy2d.gif") as animation:
        assert animation.n_frames == 3 and animation.info["loop"] == 0


def test_the_table_has_every_objective_with_its_spread(finished):
    folder, result = finished
    assert [row["objective"] for row in result["rows"]] == ["boundary_seeking", "wasserstein"]
    assert [row["penalty_form"] for row in result["rows"]] == ["gradient_norm", "wgan_gp"]
    for row in result["rows"]:
        assert 0 <= row["modes_covered"] <= 8 and row["modes_covered_sd"] >= 0
        assert 0 <= row["high_quality_fraction"] <= 1
    lines = (folder / "result.md").read_text().splitlines()
    assert lines[2].startswith("| samples of p | 8 |")
    assert len({line.count("|") for line in lines}) == 1 and len(lines) == 2 + 3


def test_every_objective_has_a_formula_and_legal_settings(tmp_path):
    assert set(figures.FORMULAS) == set(GENERATOR_OBJECTIVES)
    for objective in GENERATOR_OBJECTIVES:
        assert toy2d.settings_for(config(tmp_path), objective).objective == objective


def test_a_mode_counts_from_a_fifth_of_its_share():
    target = planar_target("four_gaussians")
    samples = jnp.asarray(target.centers)[jnp.array([0] * 60 + [1] * 30 + [2] * 6 + [3] * 4)]  # fair: 25, a fifth: 5
    assert int(coverage_of(samples, target).modes_covered) == 3


def test_samples_of_p_cover_p():
    target = planar_target("grid")
    samples = sample_planar(jax.random.key(0), target, num_samples=2500)
    assert int(coverage_of(samples, target).modes_covered) == 25


def test_the_window_runs_as_the_pictures_do():
    """Rows upwards and columns to the right, as ``imshow(origin="lower")``, ``contour`` and ``quiver`` take them."""
    points = figures.window(5)
    assert points[0, 0].tolist() == [-3.0, -3.0]
    assert points[0, -1].tolist() == [3.0, -3.0] and points[-1, 0].tolist() == [-3.0, 3.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--objectives=magic"], ["magic", "boundary_seeking", "hinge"]),
        (["--objectives=,"], ["--objectives is empty"]),
        (["--steps=5"], ["--steps=5", "--frames=2"]),
        (["--target=moons"], ["target", "spiral"]),
        (["--workdir="], ["--workdir"]),
    ],
    ids=flag_of,
)
def test_bad_flags(tmp_path, capsys, arguments, words):
    assert_refused(toy2d, [*TINY, *arguments], words=words, folder=tmp_path / "run", capsys=capsys)
