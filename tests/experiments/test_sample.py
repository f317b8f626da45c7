"""Sampling from a run's folder: temperatures, ways, resampling, and what is refused before anything is read."""

import json

import jax
import numpy as np
import pytest
from absl import flags as absl_flags
from PIL import Image

from bgan_jax import data
from bgan_jax.algorithms.state import adam_pair, init_state
from bgan_jax.atomic_files import write_text
from bgan_jax.runtime import parallel, workdir
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.platform import this_process
from bgan_jax.sampling.sampler import Samples
from experiments import discrete_mnist, sample
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.trained_run import load_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run as it is after no step: a small network's first parameters, saved as a run saves them."""
    folder = tmp_path_factory.mktemp("sample") / "run"
    config = flags.parse(
        discrete_mnist.Config, [f"--workdir={folder}", "--network=mlp", "--width=8", "--latent_dim=4", "--smoke"],
        smoke=discrete_mnist.SMOKE, presets=discrete_mnist.PRESETS,
    )  # fmt: skip
    experiment = discrete.prepare(config, this_process())
    workdir.open_workdir(str(folder), vars(config))
    write_text(folder / workdir.DATASET, experiment.dataset.spec.to_json() + "\n")
    networks, _ = discrete.players_for(vars(config), experiment.dataset.spec, platform="cpu", axis_name=None)
    optimizers = adam_pair(learning_rate_gen=0.0, learning_rate_disc=0.0)
    state = init_state(jax.random.key(0), networks=networks, optimizers=optimizers)
    checkpoints = Checkpoints(folder / workdir.CHECKPOINTS, keep=1)
    checkpoints.save(3, parallel.to_host(state.replace(key=jax.random.key_data(state.key))))
    checkpoints.close()
    return folder


def run(folder, out, *arguments):
    config = flags.parse(sample.Config, [f"--workdir={folder}", f"--out={out}", *arguments], smoke=sample.SMOKE)
    sample.main(config)
    return out


def read(path):
    with np.load(path) as file:
        return file["x"], file["probs"]


def test_all_that_it_makes(folder, tmp_path, capsys):
    x, probs = read(run(folder, tmp_path / "a.npz", "--num=6"))
    np.testing.assert_array_equal(x, load_run(str(folder)).sample(jax.random.key(0), 6).x)
    again, _ = read(run(folder, tmp_path / "b.npz", "--num=6"))
    other, _ = read(run(folder, tmp_path / "c.npz", "--num=6", "--seed=1"))
    assert (again == x).all() and (other != x).any()
    cold, cold_probs = read(run(folder, tmp_path / "d.npz", "--num=6", "--temperature=0.001"))
    sure = np.abs(probs - 0.5) > 1e-2
    np.testing.assert_array_equal(cold[sure], probs[sure] > 0.5)
    assert np.abs(cold_probs[sure] - 0.5).min() > 0.49
    _, way = read(run(folder, tmp_path / "e.npz", "--num=10", "--interpolate=5"))
    steps = np.abs(np.diff(way.reshape(2, 5, -1), axis=1)).mean(axis=(0, 2))
    assert steps.max() < np.abs(way[0] - way[4]).mean()
    capsys.readouterr()
    kept, _ = read(run(folder, tmp_path / "f.npz", "--num=5", "--candidates=4"))
    output = capsys.readouterr().out
    facts = json.loads(output[output.index("{") :])
    assert kept.shape == (5, 28, 28, 1) and facts["candidates"] == 4 and 1.0 <= facts["effective_sample_size"] <= 4.0
    picture = Image.open(run(folder, tmp_path / "g.png", "--num=8", "--interpolate=4"))
    assert picture.size[0] > 2 * 4 * 28


PALETTE = ((0, 0, 0), (255, 0, 0), (9, 9, 9))


@pytest.mark.parametrize(
    ("spec", "x"),
    [
        ({"kind": "binary", "shape": (2, 2, 1), "num_values": 2}, [[[0], [1]], [[1], [1]]]),
        ({"kind": "categorical", "shape": (2, 2), "num_values": 3, "palette": PALETTE}, [[2, 1], [0, 1]]),
        ({"kind": "continuous", "shape": (2, 2, 3), "num_values": 256}, np.linspace(-1, 1, 12).reshape(2, 2, 3)),
        ({"kind": "continuous", "shape": (2, 2, 1), "num_values": 256}, np.linspace(-1, 1, 4).reshape(2, 2, 1)),
    ],
)
def test_the_arrays_are_read_again_as_a_data_set(tmp_path, spec, x):
    spec = data.DatasetSpec(name="toy", **spec)
    x = np.stack([np.asarray(x)] * 12)
    x = x.astype(np.float32 if spec.kind == "continuous" else np.uint8)
    probs = None if spec.kind == "continuous" else np.zeros_like(x, np.float32)
    path = tmp_path / "drawn.npz"
    sample.write(path, Samples(x=x, probs=probs), spec=spec, columns=1)
    read = data.open_dataset(f"npz:{path}", split="all", cache_dir=tmp_path / "cache")
    assert (read.spec.kind, read.spec.shape, read.spec.palette) == (spec.kind, spec.shape, spec.palette)
    again = np.asarray(data.preprocess(None, read.rows(np.arange(12)), spec=read.spec))
    np.testing.assert_allclose(again, x, atol=1 / 255)


def test_lines_are_read_again_as_a_data_set(tmp_path):
    spec = data.DatasetSpec(name="toy", kind="text", shape=(3,), num_values=2, vocabulary=("a", "b"))
    x = np.array([[0, 1, 1]] * 10)
    sample.write(tmp_path / "drawn.txt", Samples(x=x, probs=None), spec=spec, columns=1)
    read = data.open_dataset(f"text:{tmp_path / 'drawn.txt'}", split="all", length=3, cache_dir=tmp_path / "cache")
    np.testing.assert_array_equal(read.rows(np.arange(10)), x)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--temperature=0"], "small positive"),
        (["--interpolate=1"], "two ends"),
        (["--interpolate=9", "--num=8"], "--num=8 is not a multiple of --interpolate=9.* give --num=9"),
        (["--interpolate=4", "--num=10"], "--num=10 is not a multiple of --interpolate=4.* give --num=12"),
        (["--workdir="], "--workdir"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_refused(tmp_path, arguments, words):
    with pytest.raises(UsageError, match=words):
        run(tmp_path, tmp_path / "x.npz", *arguments)


def test_a_way_has_no_candidates(tmp_path):
    with pytest.raises(absl_flags.Error, match="--candidates=2 acts only with --interpolate=0; --interpolate is 4"):
        run(tmp_path, tmp_path / "x.npz", "--interpolate=4", "--candidates=2")
    with pytest.raises(UsageError, match="cannot be combined"):
        sample.main(sample.Config(workdir="unused", out=str(tmp_path / "x.npz"), interpolate=4, candidates=2))


def test_a_name_that_does_not_fit_is_refused(folder, tmp_path):
    with pytest.raises(UsageError, match=r"\.png"):
        run(folder, tmp_path / "x.txt")
    with pytest.raises(UsageError, match="must end in"):
        run(folder, tmp_path / "x.gif")
    (tmp_path / "there.npz").write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists already"):
        run(folder, tmp_path / "there.npz")
    assert (tmp_path / "there.npz").read_bytes() == b"mine"
