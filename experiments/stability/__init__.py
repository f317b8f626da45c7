"""The parts of the stability sweep; ``command.py`` holds its flags and its main function."""
