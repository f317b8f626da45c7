"""The parts of palette images; ``command.py`` holds its flags and its main function."""
