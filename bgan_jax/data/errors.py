"""Errors of loading data: not found, invalid, or an optional package is missing."""


class DatasetNotFoundError(FileNotFoundError):
    """The data are not on this machine; the message names the folder and the command that prepares them."""


class BadDataError(ValueError):
    """A file has invalid content; the message names the file, and the line if there is one."""


class MissingExtraError(ValueError):
    """Reading the data needs an optional package; the message names the extra to install."""
