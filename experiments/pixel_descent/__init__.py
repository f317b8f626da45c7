"""The parts of gradient descent on pixels; ``command.py`` holds its flags and its main function."""
