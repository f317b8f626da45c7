"""The divergence table from the outside, on tiny sizes, and the parts of it that have laws."""

import json

import numpy as np
import pytest
from PIL import Image

from bgan_jax.evaluation.fresh_critic import MEASURES
from experiments.divergence_table import command as divergence_table
from experiments.divergence_table import generators, plan
from experiments.divergence_table.critics import FILE, FLOOR, read_results
from experiments.divergence_table.table import PUBLISHED, TITLES, row_title, summarize, value_cell
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError
from tests.experiments.refusals import assert_refused, flag_of

TINY = ["--smoke", "--network=mlp", "--width=8", "--compilation_cache=false"]
FORMS = "--forms=samples,probabilities,thresholded"


def config(folder, *arguments, train="wasserstein"):
    return flags.parse(
        divergence_table.Config,
        [f"--workdir={folder}", *TINY, f"--train={train}", "--measure=jensen_shannon,wasserstein",
         *([FORMS] if train == "wasserstein" else []), *arguments],
        smoke=divergence_table.SMOKE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table") / "run"
    return folder, divergence_table.main(config(folder))


def test_what_a_run_leaves_behind(finished):
    folder, result = finished
    assert json.loads((folder / "result.json").read_text()) == result
    assert [path.name for path in (folder / "generators").iterdir()] == ["wasserstein-0"]
    assert Image.open(folder / "divergence_table.png").size[0] > 1000


def test_generators_differ_in_what_trains_them_and_in_nothing_else(tmp_path):
    """Reverse KL's discriminator takes smaller steps with a shorter memory: its first gradients are far too large."""
    asked = {name: vars(plan.generator_config(config(tmp_path), name, seed=3))
             for name in ("jensen_shannon", "reverse_kl", "wasserstein")}  # fmt: skip
    divergences = asked["jensen_shannon"], asked["reverse_kl"]
    assert {flag for flag, value in divergences[0].items() if value != divergences[1][flag]} == {
        "divergence", "penalty_form", "workdir", "learning_rate_disc", "adam_b2"
    }  # fmt: skip
    assert [asked[name]["penalty_form"] for name in asked] == ["gradient_norm", "unweighted", "wgan_gp"]
    assert asked["wasserstein"]["estimator"] == "probabilities" and asked["wasserstein"]["objective"] == "wasserstein"
    for flag in ("dataset", "network", "width", "latent_dim", "steps", "batch_size", "seed", "average_decay"):
        assert len({str(flags_of[flag]) for flags_of in asked.values()}) == 1


def test_the_table_has_every_cell_that_means_something(finished):
    folder, result = finished
    measured = {(row["train"], row["form"]): set(row["measures"]) for row in result["rows"]}
    both = {"jensen_shannon", "wasserstein"}
    assert measured == {
        ("wasserstein", "samples"): both,
        ("wasserstein", "probabilities"): {"wasserstein"},
        ("wasserstein", "thresholded"): both,
        (FLOOR, "samples"): both,
    }
    text = (folder / "result.md").read_text()
    assert "0.45 (±0.03)" in text and "0.54 (±0.12)" in text and "[D]" in text
    assert "| WGAN-GP (probabilities) | - |  | " in text
    for table in text.split("\n\n"):
        if table.startswith("|"):
            assert len({line.count("|") for line in table.splitlines()}) == 1


def test_a_restarted_command_measures_what_is_missing_and_finds_the_same(finished):
    folder, result = finished
    before = read_results(folder)
    whole = (folder / FILE).read_text()
    (folder / FILE).write_text(whole[: len(whole) - 40])  # the last line, torn
    assert len(read_results(folder)) == len(before) - 1
    again = divergence_table.main(config(folder))
    assert again is not None and again["rows"] == result["rows"]
    left, right = ({**cell, "seconds": None} for cell in (before[-1], read_results(folder)[-1]))
    assert left == right


def test_other_critics_are_other_cells_of_the_same_generators(finished):
    folder, result = finished
    number = len(read_results(folder))
    again = divergence_table.main(config(folder, "--critic_penalty=0", "--measure=jensen_shannon", train="reverse_kl"))
    assert len(read_results(folder)) == number + 2  # one generator, and the floor
    assert again is not None and [row["train"] for row in again["rows"]] == ["reverse_kl", FLOOR]
    with pytest.raises(UsageError, match="--steps: 2 there, 3 now"):
        divergence_table.main(config(folder, "--steps=3"))


def test_the_floor_shares_no_row():
    real = np.arange(100)[:, None]
    rows = generators.floor_rows(real, real, order=np.random.default_rng(0).permutation(100))
    assert [len(part) for part in (rows.real, rows.fake, rows.fresh_fake)] == [50, 40, 10]
    assert sorted(np.concatenate([rows.real, rows.fake, rows.fresh_fake]).ravel()) == list(range(100))


def test_forms_of_bits_and_of_symbols():
    bits = np.array([[0.2, 0.7]])
    assert generators.most_probable(bits, like=np.zeros((1, 2), np.uint8)).tolist() == [[0, 1]]
    symbols = np.array([[[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]]])
    assert generators.most_probable(symbols, like=np.zeros((1, 2), np.uint8)).tolist() == [[1, 0]]
    fair = np.full((3, 2), 0.5)
    np.testing.assert_allclose(generators.pixel_entropy(fair, like=fair), 2 * np.log(2))
    np.testing.assert_allclose(generators.pixel_entropy(np.full((3, 2, 4), 0.25), like=fair), 2 * np.log(4))
    assert generators.pixel_entropy(np.array([[0.0, 1.0]]), like=np.zeros((1, 2))) == 0.0


def test_means_and_spreads_over_seeds():
    def cell(seed, value):
        bound = {"mean": value, "sd_over_batches": 0.1, "less_penalty": value - 1, "batches": 12}
        return {
            "name": {"train": "jensen_shannon", "form": "samples", "measure": "reverse_kl", "seed": seed},
            "bound": bound, "held_out": bound, "curve": [[100, 0.5, 0.0], [200, 0.7, 0.0]],
        }  # fmt: skip

    (row,) = summarize([cell(0, 1.0), cell(1, 3.0)], trains=("jensen_shannon", FLOOR), forms=("samples",))
    entry = row["measures"]["reverse_kl"]
    assert (entry["mean"], entry["sd_over_seeds"], entry["less_penalty"]) == (2.0, 1.4142, 1.0)
    assert entry["seeds"] == 2
    (row,) = summarize([cell(0, 1.0)], trains=("jensen_shannon",), forms=("samples",))
    assert row["measures"]["reverse_kl"]["mean"] == 1.0 and row["measures"]["reverse_kl"]["sd_over_seeds"] is None
    assert value_cell(row, "reverse_kl") == "1.000" and value_cell(row, "jensen_shannon") == "-"


def test_a_bound_that_is_not_finite_is_said_so():
    bounds = [{"mean": value, "sd_over_batches": value, "less_penalty": value} for value in (None, 1.0)]
    results = [
        {"name": {"train": "kl", "form": "samples", "measure": "kl"}, "bound": bound, "held_out": bound}
        for bound in bounds
    ]
    (row,) = summarize(results, trains=("kl",), forms=("samples",))
    assert row["measures"]["kl"]["mean"] is None and value_cell(row, "kl") == "not finite"


def test_everything_published_has_a_title():
    for (train, form), entries in PUBLISHED.items():
        assert row_title(train, form) and set(entries) <= set(TITLES)
    assert set(TITLES) == set(MEASURES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--train=magic"], ["--train", "magic", "jensen_shannon", "wasserstein"]),
        (["--measure=,"], ["--measure", "empty", "reverse_kl"]),
        (["--forms=logits"], ["--forms", "logits", "thresholded"]),
        (["--critic_penalty_stride=3"], ["penalty_stride=3", "batch_size"]),
        (["--critic_batch_size=5000"], ["--critic_batch_size=5000", "3600"]),
        (["--evaluation_batches=1001"], ["--evaluation_batches=1001", "1000 held-out"]),
        (["--num_samples=1"], ["num_samples", "at least 2"]),
        (["--critic_network=resnet32"], ["resnet32"]),
        (["--dataset=mnist5k"], ["mnist5k", "mnist10k"]),
        (["--num_processes=2"], ["one process", "--num_processes"]),
        (["--workdir="], ["--workdir"]),
    ],
    ids=flag_of,
)
def test_bad_flags(tmp_path, capsys, arguments, words):
    assert_refused(divergence_table, [*TINY, *arguments], words=words, folder=tmp_path / "run", capsys=capsys)
