"""The parts of adversarial classification; ``command.py`` holds its flags and its main function."""
