"""The two ways in which data can fail: they are not there, or they are not what they should be."""


class DatasetNotFoundError(FileNotFoundError):
    """The data are not on this machine; the message names the folder searched and the command that prepares them."""


class BadDataError(ValueError):
    """A file holds something else than it should; the message names the file, and the line where there is one."""


class MissingExtraError(ValueError):
    """The data are of a kind that takes an optional package; the message names the extra to install."""
