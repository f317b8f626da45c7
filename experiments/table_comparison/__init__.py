"""The parts of the comparison of table generators; ``command.py`` holds its flags and its main function."""
