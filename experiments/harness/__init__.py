"""The code that the experiments share, in four subpackages; the docstring of each lists its files.

============  ==========================================================================================
subpackage    contents
============  ==========================================================================================
``cli``       the command line: flags from a typed record, help, errors, exit codes
``metrics``   evaluation metrics of samples, and their mean and standard deviation over seeds
``reports``   tables, sample grids, curves and the HTML page of a run
``runs``      a training run, from its flags to its result, and loading a finished run
============  ==========================================================================================

They import each other in one direction: ``metrics`` <- ``reports`` <- ``cli`` <- ``runs``, where ``reports`` may import
``metrics``, and so on; a test says so. ``errors.py``, the errors that a user can correct, is below all of them.
"""
