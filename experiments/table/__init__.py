"""The parts of tables; ``command.py`` holds its flags and its main function."""
