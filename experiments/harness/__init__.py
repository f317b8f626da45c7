"""What the experiments share, in four rooms; the docstring of each room lists its files.

============  ==========================================================================================
room          holds
============  ==========================================================================================
``cli``       the command line: flags from a typed record, help, errors, exit codes
``metrics``   evaluation metrics of samples, and their mean and standard deviation over seeds
``reports``   what a run shows to people: tables, sample grids, curves, the HTML page
``runs``      a training run, from its flags to its result, and read back
============  ==========================================================================================

They import each other in one direction: ``metrics`` <- ``reports`` <- ``cli`` <- ``runs``, where ``reports`` may import
``metrics``, and so on; a test says so. ``errors.py``, the errors that a user can correct, is below all of them.
"""
