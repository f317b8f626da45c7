"""The loops over flags in docs/runs.md: the shell runs the intended commands, and the report collects the runs."""

import itertools
import json
import os
import re
import shlex
import subprocess

from experiments import discrete_mnist, report
from experiments.harness.cli import flags
from tests.test_layers import ROOT

# Replaces python: creates the run's folder, and records the arguments.
RECORDER = """#!/bin/sh
echo "$@" >> commands.txt
for argument in "$@"; do
  case "$argument" in --workdir=*) mkdir -p "${argument#--workdir=}" ;; esac
done
"""


def commands_of_the_loops(folder):
    """Returns the commands of docs/runs.md's last script, in order, as lists of arguments."""
    loops = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "runs.md").read_text(encoding="utf-8"), re.DOTALL)[-1]
    recorder = folder / "python"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    subprocess.run(["sh", "-ec", loops], cwd=folder, check=True, env={**os.environ, "PATH": path}, timeout=60)
    return [shlex.split(line)[1:] for line in (folder / "commands.txt").read_text().splitlines()]


def test_the_loops_of_the_page_run_every_cell_of_the_grid_and_the_report_collects_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    *training, (module, *collecting) = commands_of_the_loops(tmp_path)
    configs = [flags.parse(discrete_mnist.Config, arguments) for _, *arguments in training]
    assert {module for module, *_ in training} == {"experiments.discrete_mnist"}
    cells = [(config.divergence, config.num_samples, config.seed) for config in configs]
    assert cells == list(itertools.product(("jensen_shannon", "kl"), (5, 20), (0, 1, 2)))
    # The files of a run, with a different score for each cell.
    for config in configs:
        folder, score = tmp_path / config.workdir, config.num_samples + config.seed + 0.5 * (config.divergence == "kl")
        (folder / "config.json").write_text(json.dumps(vars(config)))
        (folder / "result.json").write_text(json.dumps({"samples": {"classifier_score": score}}))
    assert module == "experiments.report"
    page = report.main(report.COMMAND.parse(collecting)).read_text()
    for divergence, num_samples, mean in (("jensen_shannon", 5, 6.0), ("jensen_shannon", 20, 21.0), ("kl", 20, 21.5)):
        assert f"<th>num_samples={num_samples}, divergence={divergence}, 3 seeds: mean ± sd</th>" in page
        assert f"<td>{mean:.1f} ± 1.0 (n = 3)</td>" in page
