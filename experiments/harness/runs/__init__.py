"""A training run, from its flags to its outcome, and read back.

======================  ====================================================================================
file                    holds
======================  ====================================================================================
``batches.py``          the data argument of the compiled step: resident on the devices, or sent by the host
``conditions.py``       conditions on the columns of a table
``continuous.py``       runs on images of real-valued pixels: flags, networks, experiment
``cost.py``             a run's operations, counted before it is trained
``data_kinds.py``       refuses data of another kind, with the flags or the command that help
``discrete.py``         runs on bits, palette indices or symbols: flags, networks, experiment
``estimates.py``        refuses a step that cannot fit into memory, or would take hours
``experiment.py``       the records ``Experiment`` and ``Outcome``
``folders.py``          the workdir of a command, and the cache folder
``measured_run.py``     runs on continuous images whose samples are measured during training
``program.py``          the compiled step of all seeds on all devices
``run.py``              trains from the first step, or the last checkpoint, to the last step
``run_config.py``       the flags of every run, and what is made from them
``run_flags.py``        the flags of training runs, a class for each subject
``sample_pictures.py``  pictures of samples during a run, their measurements, and curves
``seed_results.py``     the results of all seeds as mean and standard deviation
``seeds.py``            the seeds of a run, and their folders
``stacked_seeds.py``    states of several seeds in one program
``start.py``            joins the hosts, checks the flags, opens the folders
``table_label.py``      the column of a table that people predict
``timed_training.py``   trains for a number of seconds rather than steps
``trained_run.py``      loads a trained run from its folder
======================  ====================================================================================
"""
