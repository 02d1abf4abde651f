"""The exit codes that are Hypercell's own; ``run`` otherwise gives the program's."""

from __future__ import annotations

from enum import IntEnum

from hypercell.vmm.errors import HypercellError, Interrupted, TimedOut, Trap


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

    @classmethod
    def of_program(cls, error: HypercellError) -> Exit:
        """The code of ``run`` where the program gave none."""
        if isinstance(error, Trap):
            return cls.TRAP
        if isinstance(error, TimedOut):
            return cls.TIMED_OUT
        return cls.INTERRUPTED if isinstance(error, Interrupted) else cls.NOT_RUN
