"""Executes a run: the training loop, devices and hosts, checkpoints, metrics, health checks, plots and image files."""
