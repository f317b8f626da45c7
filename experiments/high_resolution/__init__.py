"""The parts of high-resolution images; ``command.py`` holds its flags and its main function."""
