"""Palette images from the outside: a tiny run on pictures of one's own, what it leaves, what is refused."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from bgan_jax.runtime.metrics import read_metrics
from experiments.harness.cli import flags
from experiments.harness.metrics.mean_and_sd import combine_seeds
from experiments.harness.runs.trained_run import load_sampler
from experiments.palette_images import command as palette_images
from experiments.palette_images.table import distances_table
from tests.experiments.refusals import assert_refused, flag_of
from tests.experiments.test_discrete_mnist import command


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    """Sixty drawings of one disc each, red or blue on white or black, not square."""
    folder = tmp_path_factory.mktemp("drawings")
    generator = np.random.default_rng(0)
    rows, columns = np.indices((48, 40))
    for i in range(60):
        ground = np.full(3, 255 * generator.integers(2), np.uint8)
        disc = np.roll(np.array([200, 0, 0], np.uint8), 2 * generator.integers(2))
        row, column, radius = generator.integers((16, 12, 5), (32, 28, 12))
        inside = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        Image.fromarray(np.where(inside[..., None], disc, ground)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module")
def finished(drawings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("palette") / "run"
    done = command(
        f"--workdir={folder}", f"--dataset=images:{drawings}", "--smoke", "--width=2", "--picture_every=1",
        module="experiments.palette_images", BGAN_JAX_CACHE=str(folder.parent / "cache"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_what_a_run_leaves_behind(finished):
    folder, log = finished
    left = {path.name for path in folder.iterdir()}
    assert left >= {
        "comparison.png", "over_time.png", "curves.png", "result.json", "result.md", "metrics.jsonl",
        "measurements.jsonl", "config.json", "checkpoints", "pictures",
    }  # fmt: skip
    assert [record["step"] for record in read_metrics(folder / "measurements.jsonl")] == [1, 2, 3, 4]
    assert "step 4/4" in log and "Frechet distance" in log and "neighbouring colours" in log


def test_ones_own_pictures_are_drawn_in_sixteen_colours(finished):
    sample, spec, step = load_sampler(str(finished[0]))
    assert (step, spec.kind, spec.shape, spec.num_values) == (4, "categorical", (32, 32), 16)
    samples = sample(jax.random.key(0), 3)
    assert samples.x.shape == (3, 32, 32) and samples.probs.shape == (3, 32, 32, 16)


def test_the_table_has_both_ends_of_the_scale(finished):
    result = json.loads((finished[0] / "result.json").read_text())
    real, independent, untrained = (result[name] for name in ("real", "independent_pixels", "untrained"))
    # Pixels of discs, shuffled among the pictures, keep their colours and lose their neighbours.
    assert independent["neighbor_pairs"] > 2 * real["neighbor_pairs"]
    assert independent["palette_histogram"] < untrained["palette_histogram"]
    assert untrained["pixel_marginals"] > real["pixel_marginals"]
    text = (finished[0] / "result.md").read_text()
    assert "other real images (floor)" in text and "54 samples from 6 real images" in text
    assert f"{result['samples']['frechet']:.4g}" in text


def test_pictures_over_time_are_the_first_rows_of_every_grid(finished):
    strip = np.asarray(Image.open(finished[0] / "over_time.png"))
    grids = sorted((finished[0] / "pictures").glob("samples_*.png"))
    assert len(grids) == 4 and strip.shape[0] == 4 * 66
    np.testing.assert_array_equal(strip[66:130], np.asarray(Image.open(grids[1]))[:64])
    three = Image.open(finished[0] / "comparison.png")
    assert three.mode == "RGB" and three.size == (3 * (8 * 33 - 1) * 2 + 2 * 16, (8 * 33 - 1) * 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset=mnist10k"], ["two colours", "by experiments.binary_images"]),
        (["--dataset=emoji32"], ["colour images", "by experiments.continuous_images"]),
        (["--dataset=emoji16", "--palette=8"], ["emoji16 takes no palette"]),
        (["--dataset=images:nowhere"], ["nowhere"]),
        (["--sample_chunk=3"], ["sample_chunk is 3; it must divide num_samples=4"]),
        (["--penalty_stride=3"], ["penalty_stride=3"]),
    ],
    ids=flag_of,
)
def test_what_is_refused(tmp_path, capsys, arguments, words):
    assert_refused(palette_images, arguments, words=words, folder=tmp_path / "run", capsys=capsys)


def test_the_authors_settings():
    config = flags.parse(palette_images.Config, ["--preset=celeba16"], presets=palette_images.PRESETS)
    assert (config.dataset, config.quantizer, config.dither) == ("celeba16", "median_cut", "floyd_steinberg")
    assert (config.network, config.width, config.latent_dim) == ("dcgan32_categorical", None, None)
    assert (config.latent_categories, config.control_variate) == (0, False)
    assert (config.divergence, config.estimator) == ("gan", "boundary_seeking_plain")
    assert config.num_samples == config.disc_fakes_per_latent == 20 and config.penalty == 0.0
    assert config.learning_rate_gen == config.learning_rate_disc == 1e-3 and config.adam_b1 == 0.5
    assert config.steps == 100 * (162770 // 64)


def test_the_table_of_several_seeds_has_the_same_form():
    def result(seed):
        row = {"palette_histogram": 0.1, "pixel_marginals": 0.2, "neighbor_pairs": 0.3, "frechet": 4.0, "kernel": 0.5}
        ends = dict.fromkeys(("real", "independent_pixels", "untrained"), row)
        facts = {"protocol": "by distance", "steps": 4, "training_seconds": 2.0, "commit": "abc"}
        return {"samples": row | {"frechet": 4.0 + seed}, **ends, **facts, "seed": seed}

    one = distances_table(result(1))
    several = distances_table(combine_seeds([result(0), result(1)]) | {"seeds": [0, 1], "training_seconds": 2.0})
    assert "| samples | 0.1 | 0.2 | 0.3 | 5 | 0.5 |" in one and "Seed 1, 4 steps" in one
    assert "| 4.50 ± 0.71 (n = 2) |" in several and "over seeds 0 to 1, 4 steps" in several
    assert one.count("\n") == several.count("\n")
