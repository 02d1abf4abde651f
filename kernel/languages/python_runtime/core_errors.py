"""The exceptions of IPython that a cell meets. Tracebacks call them by their short names."""

from __future__ import annotations


class UsageError(Exception):
    """A magic that is not right, or not there."""

    __module__ = "builtins"


class StdinNotImplementedError(NotImplementedError):
    """``input`` where nobody can answer."""

    __module__ = "builtins"


NAMES = {error.__name__: error for error in (UsageError, StdinNotImplementedError)}
