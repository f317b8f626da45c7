"""The fault-injection report, and the soak test.

python -m tests.faults --report                 # every fault, as a table; about ten minutes on two cores
python -m tests.faults --report --kills=4       # a shorter one
python -m tests.faults --soak_minutes=30        # digits, killed at random moments; memory, files, metrics afterwards
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tests import launching
from tests.faults import injections, soak

MAIN_JOB = "experiments.discrete_mnist"
TOPOLOGIES = tuple((n, d, launcher) for n, d in ((1, 8), (2, 4), (4, 2)) for launcher in ("pmap", "shard_map"))


def topologies(folder: Path) -> None:
    """Prints how far 20 steps on every topology end from those on one device."""
    flags = ("--steps=20", "--checkpoint_every=20", "--adam_eps=1e-3")
    launching.run(folder / "1x1", *flags)
    _, alone = launching.newest_state(folder / "1x1")
    print("| processes x devices | launcher | largest difference to 1x1 after 20 steps |\n|---|---|---|")
    for processes, devices, launcher in TOPOLOGIES:
        run = folder / f"{processes}x{devices}{launcher}"
        launching.run(run, *flags, f"--parallel={launcher}", processes=processes, devices=devices)
        _, leaves = launching.newest_state(run)
        difference = launching.largest_difference(leaves, alone)
        print(f"| {processes}x{devices} | {launcher} | {difference:.1e} |", flush=True)


def report(folder: Path, *, kills: int) -> None:
    """Prints the table of faults, line by line."""
    print(injections.HEADER, flush=True)

    def show(*rows: injections.Row) -> None:
        print("\n".join(row.line() for row in rows), flush=True)

    show(
        injections.kill_at_random(
            folder / "random", kills=kills, steps=60 * kills, every=10, seed=0, fault="kill -9 at a random moment"
        )
    )
    show(injections.kill_while_saving(folder / "saving", kills=max(kills * 2 // 5, 3)))
    show(*injections.damage_checkpoints(folder / "damage", times=2))
    show(injections.fill_the_disk(folder / "full"))
    show(injections.go_back_from_nan(folder / "nan"))
    for how in injections.HOST_LOSSES:
        show(injections.lose_a_host(folder / "hosts", how=how))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Injects faults into real runs.")
    parser.add_argument("--report", action="store_true", help="print the table of faults")
    parser.add_argument("--topologies", action="store_true", help="print the table of topologies")
    parser.add_argument("--kills", type=int, default=30, help="kills at random moments in the report")
    parser.add_argument("--soak_minutes", type=float, default=0.0, help="how long to kill a run again and again")
    parser.add_argument("--soak_every", type=int, default=10, help="steps between its checkpoints")
    parser.add_argument("--soak_flags", default="", help="flags of the job, in one string")
    parser.add_argument("--soak_folder", help="a folder of the soak's own, to look at afterwards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.topologies:
            (Path(name) / "topologies").mkdir()
            topologies(Path(name) / "topologies")
        if arguments.report:
            for part in ("random", "saving", "damage", "full", "nan", "hosts"):
                (Path(name) / part).mkdir()
            report(Path(name), kills=arguments.kills)
        if arguments.soak_minutes:
            folder = Path(arguments.soak_folder or f"{name}/soak")
            soaked = soak.soak(
                folder, *arguments.soak_flags.split(), minutes=arguments.soak_minutes, every=arguments.soak_every,
                module=MAIN_JOB,
            )  # fmt: skip
            (folder / "soaked.json").write_text(json.dumps(soaked) + "\n")
            print(soak.findings(soaked, folder))


if __name__ == "__main__":
    main()
