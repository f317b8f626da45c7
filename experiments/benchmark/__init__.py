"""The parts of the benchmark; ``command.py`` holds its flags and its main function."""
