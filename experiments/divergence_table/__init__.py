"""The parts of the divergence table; ``command.py`` holds its flags and its main function."""
