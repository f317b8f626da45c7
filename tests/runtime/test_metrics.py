import logging
from pathlib import Path

import numpy as np
from PIL import Image

from bgan_jax.runtime import image_files
from bgan_jax.runtime.metrics import LineFile, Report, read_metrics


def of_one_seed(**metrics):
    return {name: np.array([value]) for name, value in metrics.items()}


def test_lines_are_written_and_read_back(tmp_path):
    report = Report(tmp_path, start_step=0, total_steps=20)
    report.write(10, of_one_seed(bound=0.5))
    report.write(20, of_one_seed(bound=0.25))
    report.close()
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert [(record["step"], record["bound"]) for record in records] == [(10, 0.5), (20, 0.25)]


def test_repeated_steps_are_written_once(tmp_path):
    first = Report(tmp_path, start_step=0, total_steps=40)
    for step in (10, 20, 30):
        first.write(step, of_one_seed(bound=1.0))
    first.close()
    with open(tmp_path / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 40, "bou')  # what a crash may leave
    second = Report(tmp_path, start_step=20, total_steps=40)
    second.write(30, of_one_seed(bound=2.0))
    second.close()
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert [(record["step"], record["bound"]) for record in records] == [(10, 1.0), (20, 1.0), (30, 2.0)]


def test_several_seeds_have_their_own_lines_and_the_run_their_mean(tmp_path):
    folders = [tmp_path / "seed_4", tmp_path / "seed_5"]
    for folder in folders:
        folder.mkdir()
    report = Report(tmp_path, start_step=0, total_steps=20, seed_folders=folders)
    report.write(10, {"bound": np.array([0.5, 1.0]), "penalty": np.array([2.0, 4.0])})
    report.close()
    (mean,), *own = (read_metrics(folder / "metrics.jsonl") for folder in (tmp_path, *folders))
    assert mean.pop("steps_per_second") > 0 and mean == {"step": 10, "bound": 0.75, "penalty": 3.0}
    assert own == [[{"step": 10, "bound": 0.5, "penalty": 2.0}], [{"step": 10, "bound": 1.0, "penalty": 4.0}]]


def test_the_log_line_names_step_and_metrics(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="bgan_jax"):
        report = Report(tmp_path, start_step=0, total_steps=10)
        report.write(10, of_one_seed(bound=0.5, effective_sample_size=7.0, log_partition=-0.1))
        report.close()
    assert "step 10/10" in caplog.text and "bound +0.500 nats, ESS 7.00, log-partition -0.100" in caplog.text


def test_a_grid_holds_every_image_in_its_place(tmp_path):
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1) * np.ones((1, 4, 5, 1), np.uint8)
    grid = image_files.image_grid(images, columns=3, gap=1, scale=1)
    assert grid.shape == (2 * 5 - 1, 3 * 6 - 1, 1)
    assert [int(grid[5 * (i // 3), 6 * (i % 3), 0]) for i in range(6)] == list(range(6))
    image_files.save_png(tmp_path / "grid.png", grid)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "grid.png")), grid[..., 0])


def test_pictures_side_by_side_may_differ_in_size():
    wide = image_files.side_by_side([np.zeros((4, 6, 1), np.uint8), np.zeros((2, 3, 3), np.uint8)], gap=2)
    assert wide.shape == (4, 11, 3)


def test_a_full_disk_is_logged_once_and_does_not_end_the_run(caplog):
    lines = LineFile(Path("/dev/full"))
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        lines.write("one")
        lines.write("two")
    lines.close()
    assert len(caplog.records) == 1 and "No space left on device" in caplog.text
