"""The exit codes that are Hypercell's own; ``run`` otherwise gives the program's."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The same numbers as ``timeout``, ``docker`` and a shell use for these cases."""

    OK = 0
    FAILED = 1  # a command other than `run` could not do it
    USAGE = 2  # argparse's own
    TIMED_OUT = 124
    NOT_RUN = 125  # `run`: the program was not built, not loaded, or its VM failed
    INTERRUPTED = 130
    TRAP = 134
    BROKEN_PIPE = 141
