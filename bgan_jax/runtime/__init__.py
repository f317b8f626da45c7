"""Executes a run: the training loop, devices and hosts, checkpoints, metrics, health checks, plots and image files.

==========================  ==================================================================================
file                        holds
==========================  ==================================================================================
``batch_loading.py``        loading of a batch inside the compiled step
``checkpoints.py``          checkpoints through Orbax, with checksums
``compiled_step.py``        a step with its loading and the adding up of its metrics
``compiler_options.py``     compiler options by platform
``health.py``               warnings when a run no longer learns
``hosts.py``                several hosts as one job
``image_files.py``          grids of images, and PNG
``loop.py``                 the training loop
``metric_descriptions.py``  the name and explanation of every metric
``metric_totals.py``        metrics added up on the devices between two reports
``metrics.py``              metrics files, and the report of a run's progress
``nonfinite.py``            the error for numbers that are not finite
``packed_state.py``         a state as one array of bytes
``parallel.py``             a per-device function on all devices
``platform.py``             the platform and its devices, asked for once
``plotting.py``             matplotlib figures
``process/``                the operating-system process: exit codes, heap, signals
``recovery.py``             restoring a checkpoint on all hosts
``workdir.py``              the folder of a run
``workdir_lock.py``         the lock of a run's folder, which one process holds
==========================  ==================================================================================
"""
