"""The parts of the comparison of gradient estimators; ``command.py`` holds its flags and its main function."""
