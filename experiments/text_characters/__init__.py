"""The parts of text, character by character; ``command.py`` holds its flags and its main function."""
