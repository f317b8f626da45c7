"""The page of a run: what it says, that it needs nothing else, and that a browser shows it."""

import functools
import json
import logging
import re
import shutil
import statistics
import subprocess
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from bgan_jax.algorithms.continuous import continuous_step
from bgan_jax.algorithms.discrete import discrete_step
from bgan_jax.algorithms.state import init_state
from bgan_jax.runtime.metric_descriptions import METRICS
from experiments import report
from experiments.harness.errors import UsageError
from experiments.harness.reports import curve_plots, report_curves, report_images, report_page
from experiments.harness.reports.headline import headline
from experiments.harness.reports.run_log import leaving_a_report
from experiments.harness.reports.run_record import read_run
from tests.continuous_game import point_data, point_game
from tests.toy_game import toy_data, toy_game

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def make_run(folder, *, seed=0, score=7.5, steps=(100, 200, 300), **config):
    (folder / "pictures").mkdir(parents=True)
    settings = {"dataset": "mnist10k", "network": "mlp", "num_samples": 10, "steps": 300, "seed": seed, **config}
    (folder / "config.json").write_text(json.dumps(settings | {"workdir": str(folder)}))
    (folder / "versions.json").write_text(json.dumps({"commit": "0123abcd", "packages": {"jax": "0.10.2"}}))
    records = [{"step": step, "bound": 50.0 / step, "effective_sample_size": 9.0, "odd": step} for step in steps]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records) + '{"torn')
    result = {"samples": {"classifier_score": score, "class_shares": [0.1] * 10}, "protocol": "by a classifier < 10"}
    (folder / "result.json").write_text(json.dumps(result))
    for step in steps:
        shade = np.full((40, 80), step % 256, np.uint8)
        Image.fromarray(shade).save(folder / "pictures" / f"samples_{step:07d}.png")
    return folder


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


def test_the_page_says_what_the_folder_holds(run):
    text = report_page.write_own_page(run).read_text()
    assert "Trained on <b>mnist10k</b> for 300 steps. Classifier score: <b>7.5</b> (higher" in text
    assert "No warnings: all numbers stayed finite" in text
    (run / "warnings.jsonl").write_text(json.dumps({"time": "noon", "message": "health: <ill>"}) + "\n")
    text = report_page.write_own_page(run).read_text()
    for words in (
        "<b>1 warning</b>: see below", "samples.<wbr>classifier_<wbr>score", "7.5",
        "by a classifier &lt; 10", "health: &lt;ill&gt;", "0123abcd",
        "Effective sample size, of M = 10", "all weights are equal and carry no signal", "[100, 200, 300]",
    ):  # fmt: skip
        assert words in text, words
    assert text.count("data:image/png;base64,") == 3
    assert text.count("<polyline") == 3


def show_real(folder, *, kind, shade=7):
    (folder / "dataset.json").write_text(json.dumps({"kind": kind}))
    Image.fromarray(np.full((40, 40), shade, np.uint8)).save(folder / "pictures" / "real.png")


def test_real_examples_stand_beside_the_samples_once_for_runs_of_the_same_data(tmp_path):
    runs = [make_run(tmp_path / name) for name in ("first", "second", "other")]
    for folder, shade in zip(runs, (7, 7, 9), strict=True):
        show_real(folder, kind="binary", shade=shade)
    text = report_page.page([read_run(folder) for folder in runs[:2]])
    assert text.count('alt="real examples"') == 1 and "Real examples</h3>" in text
    text = report_page.page([read_run(folder) for folder in runs])
    assert text.count('alt="real examples"') == 2
    assert "Real examples of first, second</h3>" in text and "Real examples of other</h3>" in text


def test_real_examples_are_shown_where_there_are_no_samples(tmp_path):
    run = make_run(tmp_path / "run", steps=())
    show_real(run, kind="continuous")
    text = report_page.write_own_page(run).read_text()
    assert text.count('alt="real examples"') == 1 and "<h2>Data</h2>" in text and "Samples over time" not in text


@pytest.mark.parametrize(
    ("kind", "caption"), [("binary", "grey is doubt"), ("categorical", "outside the palette"), ("continuous", None)]
)
def test_the_caption_of_samples_fits_the_kind_of_data(run, kind, caption):
    show_real(run, kind=kind)
    text = report_page.write_own_page(run).read_text()
    assert "The same latents at every step." in text
    assert ("Left half" in text) == (caption is not None) and (caption or "") in text


def test_captions_name_their_runs_where_the_kinds_of_data_differ(tmp_path):
    kinds = {"bits": "binary", "more_bits": "binary", "palette": "categorical", "table": "table"}
    for name, kind in kinds.items():
        show_real(make_run(tmp_path / name), kind=kind)
    text = report_page.page([read_run(tmp_path / name) for name in kinds])
    assert "bits, more_bits: Left half" in text and "palette: Left half" in text and text.count("Left half") == 2


def test_samples_are_shown_once(run):
    for name in ("comparison.png", "over_time.png", "curves.png", "figure.png"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(run / name)
    show_real(run, kind="categorical")
    assert [path.name for path in read_run(run).pictures] == ["figure.png"]
    text = report_page.write_own_page(run).read_text()
    assert text.count("data:image/png;base64,") == 3 + 1 + 1  # samples, real examples, the figure


def test_classes_are_named_in_the_final_numbers(run):
    result = {"samples": {"class_shares": {"cat": 0.25, "dog": 0.75}, "smallest_class": "cat"}}
    (run / "result.json").write_text(json.dumps(result))
    text = report_page.write_own_page(run).read_text()
    assert all(f"samples.<wbr>class_<wbr>shares.<wbr>{name}<" in text for name in ("cat", "dog"))


def test_the_page_is_not_labelled_by_flags_without_effect(tmp_path):
    settings = {"objective": "non_saturating", "divergence": "kl"}
    for name, given, words in [
        ("discrete", {"estimator": "boundary_seeking"}, "mnist10k, mlp, boundary_seeking, kl<"),
        ("relaxed", {"estimator": "gumbel_soft"}, "mnist10k, mlp, gumbel_soft, non_saturating, kl<"),
        ("continuous", {}, "mnist10k, mlp, non_saturating, kl<"),
        ("critic", {"objective": "wasserstein"}, "mnist10k, mlp, wasserstein<"),
    ]:
        folder = make_run(tmp_path / name, **{**settings, **given})
        assert words in report_page.write_own_page(folder).read_text(), name


def test_the_page_asks_for_nothing_from_elsewhere(run):
    text = report_page.write_own_page(run).read_text()
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)=['\"](?!data:)[^'\"]+", text)
    assert not re.search(r"https?://|url\(|@import|<link|<iframe", text)


def test_what_a_run_says_of_itself_cannot_become_code(tmp_path):
    folder = make_run(tmp_path / "<script>alert(1)<", dataset="<img src=x onerror=alert(1)>", network="'\"><b>")
    (folder / "result.md").write_text("| <script>alert(2) |\n|---|\n| </td><script> |\n")
    text = report_page.write_own_page(folder).read_text()
    assert text.count("<script>") == 1 and "<img src" not in text and "<b>alert" not in text


def test_seeds_of_one_experiment_become_mean_and_deviation(tmp_path):
    scores = (7.0, 7.5, 8.0)
    folders = [make_run(tmp_path / f"s{seed}", seed=seed, score=score) for seed, score in enumerate(scores)]
    other = make_run(tmp_path / "other", seed=0, score=1.0, divergence="kl")
    text = report_page.page([read_run(folder) for folder in [*folders, other]])
    assert "3 seeds: mean ± sd" in text and "7.50 ± 0.50 (n = 3)" in text
    assert text.count("data-run='") == 4
    differing = re.findall(r"<tr class='differs'><th>([a-z_.]+)</th>", text.replace("<wbr>", ""))
    assert differing == ["samples.classifier_score", "seed", "workdir", "divergence"]


def make_run_of_seeds(folder, *, first=0, scores=(7.0, 8.0), **config):
    make_run(folder, seed=first, seeds=len(scores), **config)
    shutil.rmtree(folder / "pictures")
    for seed, score in enumerate(scores, first):
        make_run(folder / f"seed_{seed}", seed=seed, seeds=1, score=score, **config)
    mean, deviation = statistics.fmean(scores), statistics.stdev(scores)
    cell = {"mean": mean, "standard_deviation": deviation, "n": len(scores)}
    shares = {"mean": [0.1] * 10, "standard_deviation": [0.01] * 10, "n": len(scores)}
    result = {"samples": {"classifier_score": cell, "class_shares": shares, "damaged": {**cell, "mean": "<b>"}}}
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_runs_of_several_seeds_are_compared_by_mean_and_deviation(tmp_path):
    folders = [
        make_run_of_seeds(tmp_path / "a"),
        make_run_of_seeds(tmp_path / "b", scores=(6.0, 6.5, 7.0), divergence="kl"),
        make_run(tmp_path / "c", score=5.0),
    ]
    path = report_page.write_page(folders, tmp_path / "page.html")
    text = path.read_text()
    assert "<td>7.50 ± 0.71 (n = 2)</td><td>6.50 ± 0.50 (n = 3)</td><td>5.0</td>" in text
    assert "0.100 ± 0.010, 0.100" in text and "<b><b>" not in text and "<b>&lt;" not in text
    assert text.count("data-run='") == 3 and "a, seed_0, step 300" in text and "seeds: mean" not in text


def test_the_page_of_a_run_of_several_seeds_has_them_beside_it(tmp_path):
    folder = make_run_of_seeds(tmp_path / "a", first=4)
    text = report_page.write_own_page(folder).read_text()
    assert "<h1>a · seed_4 · seed_5</h1>" in text
    assert "<td>7.50 ± 0.71 (n = 2)</td><td>7.0</td><td>8.0</td>" in text
    assert text.count("data-run='") == 2 and "seeds: mean" not in text
    # Seeds of a run and runs of one seed are the same thing.
    alone = make_run(tmp_path / "alone", seed=9, seeds=1, score=9.0)
    text = report_page.page([read_run(folder / "seed_4"), read_run(folder / "seed_5"), read_run(alone)])
    assert "3 seeds: mean ± sd" in text and "8.0 ± 1.0 (n = 3)" in text


@pytest.mark.parametrize("damage", ["metrics.jsonl", "versions.json", "result.json", "pictures"])
def test_what_is_missing_or_damaged_is_left_out(run, damage):
    path = run / damage
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_bytes(b"\xff\x00[1, {")
    assert "mnist10k" in report_page.write_own_page(run).read_text()


def test_curves_leave_out_what_is_not_finite_and_average_what_is_too_much():
    records = [{"step": step, "bound": float(step % 2)} for step in range(3000)]
    records.append({"step": 3000, "bound": float("nan")})
    points = report_curves.points_of(records, "bound")
    assert len(points) == report_curves.MAX_POINTS and {value for _, value in points} == {0.5}
    assert report_curves.points_of(records[-1:], "bound") == []
    assert "no finite values" in curve_plots.draw([report_curves.Curve("a", "#000", [])], label="x")
    assert "NaN" not in curve_plots.draw([report_curves.Curve("a", "#000", [(1.0, 2.0)])], label="x")


def test_the_page_and_the_picture_have_the_same_plot(tmp_path):
    records = [{"step": i, "bound": 3.0 - i, "critic": 1.0, "odd": 2.0} for i in range(4)]
    curve_plots.save_curves(tmp_path / "curves.png", records, title="a run")
    picture = np.asarray(Image.open(tmp_path / "curves.png")).astype(int)
    plot = curve_plots.arrange([report_curves.Curve("", report_curves.COLORS[0], [(i, 3.0 - i) for i in range(4)])])
    for x, y in plot.lines[0][1]:  # blue where the page's curve has its points
        near = picture[int(y) + 34 + curve_plots.HEAD - 2 :][:5, int(x) + curve_plots.GAP - 2 :][:, :5]
        assert (near[..., 2] - near[..., 0]).max() > 60
    assert picture.shape[1] == 3 * curve_plots.WIDTH + 4 * curve_plots.GAP  # "odd" has no description and no plot
    svg = curve_plots.draw([report_curves.Curve("", "#000", [(i, 3.0 - i) for i in range(4)])], label="x")
    assert " ".join(f"{x:.1f},{y:.1f}" for x, y in plot.lines[0][1]) in svg
    curve_plots.save_curves(tmp_path / "empty.png", [])
    assert Image.open(tmp_path / "empty.png").size[0] == picture.shape[1]


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            {"samples": {"classifier_score": 8.26}, "held_out": {"classifier_score": 9.687}},
            "Classifier score: <b>8.26</b> (real data: 9.687; higher is better, 1 is the worst).",
        ),
        (
            {"samples": {"frechet": 6.4882}, "floor": {"frechet": 2.594}},
            "Frechet distance from held-out images: <b>6.488</b> (real data: 2.594; lower is better).",
        ),
        (
            {"samples": {"frechet": {"mean": 6.0, "standard_deviation": 0.5, "n": 2}}, "real": {"frechet": 2.0}},
            "<b>6.00 ± 0.50 (n = 2)</b> (real data: 2; lower",
        ),
        ({"samples": {"pairs": 0.105}, "real": {"pairs": 0.072}}, "<b>0.105</b> (real data: 0.072; lower"),
        (
            {"reverse_bits_per_character": {"samples": {"value": 3.29}, "real": {"value": 1.98}}},
            "learned the samples: <b>3.29</b> (real data: 1.98; lower",
        ),
        ({"other": 3.0}, "Its final numbers are below."),
        ({}, "It has no final numbers yet"),
    ],
    ids=["digits", "images", "seeds", "table", "text", "other", "unfinished"],
)
def test_the_headline_says_how_near_to_real_data_the_samples_are(run, result, sentence):
    (run / "result.json").write_text(json.dumps(result))
    assert sentence in headline(read_run(run))


def test_the_headline_of_a_run_that_was_stopped_says_how_far_it_came(tmp_path):
    run = make_run(tmp_path / "run", steps=(100, 1200), dataset="<script>")
    (run / "config.json").write_text((run / "config.json").read_text().replace('"steps": 300', '"steps": 2400'))
    assert headline(read_run(run)).startswith("Trained on <b>&lt;script&gt;</b> for 1,200 steps of 2,400.")
    run = make_run(tmp_path / "own", dataset="images:/home/me/faces/")
    assert headline(read_run(run)).startswith("Trained on <b>images:faces/</b> for 300 steps.")


@pytest.mark.parametrize(
    ("step", "game", "data"),
    [(discrete_step, toy_game(), toy_data), (continuous_step, point_game(), point_data)],
    ids=["discrete", "continuous"],
)
def test_every_metric_of_a_step_is_explained(step, game, data):
    initialize = functools.partial(init_state, networks=game.networks, optimizers=game.optimizers)
    state = jax.eval_shape(initialize, jax.random.key(0))
    _, metrics = jax.eval_shape(functools.partial(step, game=game), state, data(8), jnp.arange(8))
    assert set(metrics) <= set(METRICS)
    for name in metrics:
        title, text = report_curves.explanation(name)
        assert title != name and text.endswith(".")


def test_pictures_are_thinned_to_what_a_page_can_hold(tmp_path, monkeypatch):
    run = read_run(make_run(tmp_path / "run", steps=tuple(range(1, 101))))
    chosen = [step for step, _ in report_images.thinned(run.samples)]
    assert len(chosen) == report_images.MAX_SAMPLE_IMAGES and (chosen[0], chosen[-1]) == (1, 100)
    monkeypatch.setattr(report_images, "IMAGE_BUDGET", 3 * max(path.stat().st_size for _, path in run.samples))
    assert [step for step, _ in report_images.thinned(run.samples)] == [1, 51, 100]


def test_warnings_of_a_command_that_makes_a_run_are_kept_and_shown(tmp_path):
    folder = tmp_path / "run"
    logger = logging.getLogger("bgan_jax")
    with pytest.raises(RuntimeError), leaving_a_report(types.SimpleNamespace(workdir=str(folder))):
        logger.warning("before the folder is there")
        make_run(folder)
        logger.warning("health: %s", "one weight")
        raise RuntimeError
    text = (folder / "report.html").read_text()
    assert "before the folder is there" in text and "health: one weight" in text
    (folder / "report.html").unlink()
    kept = (folder / "warnings.jsonl").read_text()
    with leaving_a_report(types.SimpleNamespace(workdir=str(folder))):
        logger.warning("of a command that only reads")
    assert not (folder / "report.html").exists() and (folder / "warnings.jsonl").read_text() == kept


def test_the_command(run, tmp_path, capsys):
    arguments = [str(run)]
    assert report.main(report.COMMAND.parse(arguments)) == run / "report.html"
    assert "report of 1 run written" in capsys.readouterr().out
    for given, words in [
        ([], "at least one run"),
        ([str(tmp_path / "nowhere")], "holds no run"),
        ([str(run), "--out=page.txt"], "must end in .html"),
    ]:
        with pytest.raises(UsageError, match=words):
            report.main(report.COMMAND.parse(given))


def browse(page: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Opens a page in a browser without a window; its own folder keeps the browser's files."""
    return subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--enable-logging=stderr", f"--user-data-dir={page.parent / 'profile'}", "--window-size=1200,1400",
         *arguments, page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_page_and_its_slider_works(run, tmp_path):
    page = shutil.copy(report_page.write_own_page(run), tmp_path / "page.html")
    moved = tmp_path / "moved.html"
    move = "<script>slider.value = 0; slider.dispatchEvent(new Event('input'))</script></body>"
    moved.write_text(page.read_text().replace("</body>", move))
    done = browse(moved, "--dump-dom")
    assert re.findall(r"<figure data-step=\"(\d+)\">", done.stdout) == ["100"]
    assert '<output id="step">100</output>' in done.stdout
    assert "CONSOLE" not in done.stderr, done.stderr
    picture = tmp_path / "page.png"
    browse(page, f"--screenshot={picture}")
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    assert pixels.shape == (1400, 1200, 3)
    assert (pixels == 300 % 256).all(axis=-1).sum() == 40 * 80, "the sample picture is not shown as it is"


# A frame, because a browser's window has a smallest width that is larger than a phone's.
IN_A_PHONE = """<iframe src="page.html" width="390" height="844" style="border: 0"></iframe><output></output><script>
addEventListener('message', event => document.querySelector('output').textContent = event.data)
</script>"""
MEASURE = """<script>
for (const folded of document.querySelectorAll('details')) folded.open = true;
const sizes = (of, size) => Math.max(...[...document.querySelectorAll(of)].map(size));
parent.postMessage([
  innerWidth, document.documentElement.scrollWidth,
  sizes('img', image => image.getBoundingClientRect().right), sizes('details tr + tr > th', cell => cell.clientHeight),
].join(' '), '*');
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_several_runs_fit_the_width_of_a_phone(tmp_path):
    folders = [make_run(tmp_path / f"{'long_' * 8}{i}", network="network" * i) for i in range(1, 6)]
    (folders[0] / "result.md").write_text("| a statistic of samples | value |\n|---|---|\n| distance | 1 |\n" * 9)
    for folder in folders:
        show_real(folder, kind="binary")
        Image.fromarray(np.zeros((30, 900), np.uint8)).save(folder / "pictures" / "samples_0000300.png")
    page = report_page.write_page(folders, tmp_path / "page.html")
    page.write_text(page.read_text().replace("</body>", MEASURE))
    phone = tmp_path / "phone.html"
    phone.write_text(IN_A_PHONE)
    done = browse(phone, "--dump-dom", "--virtual-time-budget=2000")
    inside, page_width, right, tallest = map(float, re.search(r"<output>(.*)</output>", done.stdout)[1].split())
    assert inside == 390 and page_width <= inside, "the page scrolls sideways"
    assert right <= inside, "a picture is wider than the page"
    assert tallest <= 6 * 22, "a column is so narrow that it breaks words"
