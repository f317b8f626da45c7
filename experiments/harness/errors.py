"""Errors that a user can correct."""


class UsageError(ValueError):
    """A wrong flag, file or folder: shown as one line, with exit code 2."""
