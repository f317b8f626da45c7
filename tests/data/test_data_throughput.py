"""The throughput table: every back-end has its row, and the numbers are saved."""

import json

from experiments import data_throughput
from experiments.harness.cli import flags


def test_a_smoke_run_fills_both_tables(tmp_path, capsys):
    config = flags.parse(
        data_throughput.Config,
        ["--smoke", "--data_dir=/nowhere", f"--workdir={tmp_path}", "--batch_size=8"],
        smoke=data_throughput.SMOKE,
    )
    data_throughput.main(config)
    printed = capsys.readouterr().out
    assert "no plain reader: dataset mnist is not in /nowhere" in printed
    for row in ("| resident, inside the compiled step |", "| streamed, to the host |", "| austen32 |"):
        assert row in printed
    saved = json.loads((tmp_path / "data_throughput.json").read_text())
    assert saved["dataset"] == "mnist10k"
    assert all(len(rates) == 2 and min(rates) > 0 for rates in saved["images_per_second"].values())
    assert (tmp_path / "data_throughput.md").read_text() in printed
