"""Text: a tiny run, its files, what is refused; and the scores of its lines."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from bgan_jax import data
from bgan_jax.runtime.metrics import read_metrics
from bgan_jax.runtime.platform import this_process
from bgan_jax.sampling.sampler import Samples
from experiments import load_sampler
from experiments.harness.cli import flags
from experiments.text_characters import command as text_characters
from experiments.text_characters.ngram_scores import corpus_of, divergences, generate_lines, score_samples
from tests.experiments.refusals import assert_refused, flag_of


def config(folder, *arguments):
    # The tests' process has eight devices.
    return flags.parse(
        text_characters.Config,
        [f"--workdir={folder}", "--smoke", *arguments],
        smoke=text_characters.SMOKE,
        presets=text_characters.PRESETS,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text") / "run"
    return folder, text_characters.main(config(folder, "--weights=position"))


def test_what_a_run_leaves_behind(finished):
    folder, result = finished
    assert {path.name for path in folder.iterdir()} >= {
        "config.json", "metrics.jsonl", "measurements.jsonl", "curves.png", "ngrams.png", "result.json", "result.md",
        "checkpoints", "pictures",
    }  # fmt: skip
    assert {path.name for path in (folder / "pictures").iterdir()} == {
        "real.txt", "samples_0000002.txt", "samples_0000004.txt",
    }  # fmt: skip
    lines = (folder / "pictures" / "samples_0000004.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 64 and {len(line) for line in lines} == {32}
    assert result["lines"] == lines[:20]
    assert json.loads((folder / "result.json").read_text()) == result
    assert json.loads((folder / "config.json").read_text())["network"] == "characters_small_positions"
    records = read_metrics(folder / "measurements.jsonl")
    assert [record["step"] for record in records] == [2, 4] and len(records[0]["ngram_divergence"]) == 6
    assert Image.open(folder / "ngrams.png").size[0] > 800


def test_the_result_is_beside_its_floors(finished):
    folder, result = finished
    assert [entry["n"] for entry in result["ngrams"]] == [1, 2, 3, 4, 5, 6]
    for entry in result["ngrams"]:
        assert entry["low"] <= entry["value"] <= entry["high"] and entry["value"] > entry["floor"] > 0.0
    bits = result["reverse_bits_per_character"]
    assert bits["samples"]["value"] > bits["real"]["value"] > 0.0
    assert result["copies"]["copied"] == 0 and result["copies"]["distinct"] == result["copies"]["num_lines"] == 200
    assert "64 generated lines from 32842 training lines" in result["protocol"]
    table = (folder / "result.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| ") for line in table) == 1 + 6 + 3
    assert {line.count("|") for line in table if line.startswith("|")} == {4}


def test_its_samples_can_be_had_later(finished):
    folder, result = finished
    sample, spec, step = load_sampler(str(folder))
    assert step == 4 and spec.kind == "text"
    assert list(data.to_strings(sample(jax.random.key(0), 20).x, spec=spec)) == result["lines"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--preset=bw_char",),
        ("--preset=wgan_gp", "--disc_steps=2"),
        ("--weights=position", "--estimator=reinforce"),
    ],
    ids=lambda arguments: " ".join(arguments) or "default",
)
def test_steps_of_all_kinds_can_be_built(tmp_path, arguments):
    asked = config(tmp_path, "--dataset=austen32", *arguments)
    experiment = text_characters.prepare(text_characters.with_weights(asked), this_process())
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))
    real = jax.ShapeDtypeStruct((asked.disc_steps, asked.batch_size, 32), jnp.int32)
    index = jax.ShapeDtypeStruct((asked.batch_size,), jnp.int32)
    after, metrics = jax.eval_shape(functools.partial(experiment.step_over(None)), state, real, index)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {leaf.shape for leaf in jax.tree.leaves(metrics)} == {()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset=mnist10k"], ["takes text", "by experiments.binary_images"]),
        (["--dataset=emoji16"], ["takes text", "by experiments.palette_images"]),
        (["--network=dcgan28_small"], ["network", "characters_wgan_gp"]),
        (["--weights=token"], ["weights", "sequence", "position"]),
        (["--weights=position", "--estimator=boundary_seeking_marginal"], ["one F per sentence", "boundary_seeking"]),
        (["--weights=position", "--preset=wgan_gp"], ["--estimator=probabilities", "reinforce"]),
    ],
    ids=flag_of,
)
def test_what_is_refused(tmp_path, capsys, arguments, words):
    arguments = ["--smoke", "--compilation_cache=false", *arguments]
    assert_refused(text_characters, arguments, words=words, folder=tmp_path / "run", capsys=capsys)


@pytest.fixture(scope="module")
def corpus():
    train, held_out = (data.open_dataset("austen32", split=split) for split in ("train", "test"))
    return corpus_of(train, held_out, num_lines=300)


def sampler_of(lines):
    return lambda key, n: Samples(x=lines[np.asarray(jax.random.choice(key, len(lines), (n,)))], probs=None)


def test_real_lines_are_judged_at_the_floor(corpus):
    others = np.random.default_rng(1).permutation(len(corpus.held_out))[:300]
    found = divergences(corpus, corpus.held_out[others])
    np.testing.assert_allclose(found, corpus.floor, rtol=0.1, atol=2e-3)
    assert list(found) == sorted(found)


def test_a_generator_that_copies_is_told(corpus):
    few = corpus.training[:50]
    result = score_samples(jax.random.key(0), corpus, sampler_of(few), model_lines=400, model_steps=2)
    assert result["copies"]["copied"] == result["copies"]["num_lines"] == 400
    assert result["copies"]["distinct"] <= 50
    # Its few lines repeat few n-grams: the longer, the further from the training lines.
    last = result["ngrams"][-1]
    assert last["value"] > last["floor"] + 0.1


def test_lines_are_generated_in_parts(corpus):
    lines = generate_lines(jax.random.key(0), sampler_of(corpus.training), 25, at_once=10)
    assert lines.shape == (25, 32) and len(np.unique(lines, axis=0)) > 20


def test_orders_that_do_not_fit_the_text_are_left_out():
    spec = data.DatasetSpec(
        name="toy", kind="text", shape=(4,), num_values=3, split="train", vocabulary=("a", "b", "c")
    )
    rows = np.random.default_rng(0).integers(0, 3, (40, 4)).astype(np.uint8)

    class Rows:
        def __init__(self):
            self.spec = spec

        def __len__(self):
            return 40

        def rows(self, indices):
            return rows[indices]

    assert corpus_of(Rows(), Rows(), num_lines=10).orders == (1, 2, 3, 4)
