"""The parts of the scaling report; ``command.py`` holds its flags and its main function."""
