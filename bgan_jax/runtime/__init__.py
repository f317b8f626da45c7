"""How a run runs: the loop, devices and hosts, checkpoints, metrics, the health of a run, and its pictures."""
