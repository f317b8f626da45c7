"""Large pictures: a tiny run on generated ones, the cost of the true configurations, what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from bgan_jax.runtime.platform import this_process
from experiments.harness.cli import flags
from experiments.harness.runs.cost import Cost
from experiments.high_resolution import command as high_resolution
from tests.experiments.refusals import assert_refused, flag_of
from tests.tiny_pixels import tiny_networks


def parsed(*arguments):
    return flags.parse(
        high_resolution.Config, list(arguments), smoke=high_resolution.SMOKE, presets=high_resolution.PRESETS
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    (folder / "pictures").mkdir()
    generator = np.random.default_rng(0)
    for number in range(160):
        low = generator.integers(0, 256, (5, 4, 3), dtype=np.uint8)
        Image.fromarray(low).resize((72, 90)).save(folder / "pictures" / f"{number:03d}.png")
    asked = parsed(
        f"--workdir={folder / 'run'}", f"--cache_dir={folder / 'cache'}", f"--dataset=images:{folder / 'pictures'}",
        "--smoke", "--network=dcgan64", "--steps=2", "--compilation_cache=false",
    )  # fmt: skip
    with tiny_networks("dcgan64"):
        result = high_resolution.main(asked)
    return folder / "run", result


def test_what_a_run_leaves_behind(finished):
    folder, result = finished
    assert json.loads((folder / "config.json").read_text())["resolution"] == 64
    assert [line["step"] for line in result["course"]] == [1, 2]
    assert result["samples"]["frechet"] > result["floor"]["frechet"] > 0.0
    assert result["cost"]["step_gigaflops"] > 0.0
    assert json.loads((folder / "result.json").read_text()) == result
    assert Image.open(folder / "progress.png").size[0] > 800
    assert Image.open(folder / "pictures" / "samples_0000002.png").size == (2 * (8 * 65 - 1),) * 2


def test_a_smoke_run_needs_no_data_of_ones_own(tmp_path, monkeypatch):
    begun = []

    def begin(config, prepare):
        begun.append(prepare(config, this_process()))
        raise KeyboardInterrupt

    monkeypatch.setattr(high_resolution, "start", begin)
    for network, side in (("resnet64", 64), ("dcgan128", 128)):
        arguments = ["--smoke", f"--workdir={tmp_path / 'run'}", f"--cache_dir={tmp_path}", f"--network={network}"]
        with pytest.raises(KeyboardInterrupt):
            high_resolution.main(parsed(*arguments))
        assert begun[-1].dataset.spec.shape == (side, side, 3)


def test_the_cost_grows_as_the_arithmetic_and_the_steps_do():
    narrow, wide = (
        high_resolution.cost_of_config(parsed("--network=dcgan64", f"--width={width}", f"--steps={steps}"))
        for width, steps in ((8, 500), (16, 5000))
    )
    # Between twice, for layers that touch pixels, and four times, for those between maps.
    growth = wide.step_flops / narrow.step_flops
    assert 2.0 < growth < 4.0
    assert wide.hours == pytest.approx(10 * growth * narrow.hours)


def test_hours_are_what_the_rate_makes_of_the_operations():
    assert Cost(step_flops=4e13, steps=3600).hours == pytest.approx(1.0)
    assert "estimate" in Cost(step_flops=4e13, steps=3600).in_words()


def test_presets_fit_their_data():
    for name in high_resolution.PRESETS:
        config = parsed(f"--preset={name}")
        if name != "default":
            assert config.network == f"resnet{high_resolution.side_of(config.network)}"
            assert config.dataset.endswith(str(high_resolution.side_of(config.network))) and config.width is None
            assert config.objective == "boundary_seeking" and config.penalty_form == "gradient_norm"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--dataset", "images:PATH", "celeba64"]),
        (["--dataset=emoji32"], ["64"]),
        (["--dataset=celeba64", "--data_dir=nowhere"], ["celeba64"]),
        (["--dataset=images:nowhere"], ["nowhere"]),
        (["--network=dcgan32"], ["network", "resnet64"]),
    ],
    ids=flag_of,
)
def test_bad_flags(tmp_path, capsys, arguments, words):
    arguments = ["--batch_size=8", "--compilation_cache=false", *arguments]
    assert_refused(high_resolution, arguments, words=words, folder=tmp_path / "run", capsys=capsys)
