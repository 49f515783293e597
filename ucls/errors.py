"""The errors UCLS raises on purpose, each with its exit code."""


class UclsError(Exception):
    """A run that cannot go on. The command line prints the message and exits with 1."""

    exit_code = 1


class UsageError(UclsError):
    """Wrong use: a setting, an argument or an input file. Exits with 2."""

    exit_code = 2


class UnreadableError(UsageError):
    """The system does not let a file be read, which says nothing against the file."""


class MismatchError(UsageError):
    """Something on disk was made with other settings and is not reused silently."""


class NothingLeftError(UsageError):
    """Without what tells known clusters apart, features tell no other ones."""
