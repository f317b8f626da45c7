"""The parts of the two-dimensional toy problems; ``command.py`` holds its flags and its main function."""
