"""What to do about an error, in the words of a notebook: for beginners' most frequent ones.

A machine below knows of limits, not of the options that raise them; CPython knows nothing of the
VM that it is in. All of it is our own text: what the cell said is looked at, and not repeated but
for names that are known here.
"""

from __future__ import annotations

from hypercell.kernel.errors import CellException
from hypercell.kernel.languages import python_advice
from hypercell.vmm.errors import HypercellError, Interrupted, OutputLimitExceeded, TimedOut

_KEPT = "nothing of this cell is kept"
_TIME = (
    f"an endless loop? {_KEPT}; for more time put --timeout SECONDS on its first line "
    "(%%python --timeout 20), up to what %limits shows"
)
_OUTPUT = f"an endless loop? {_KEPT}; what is so long goes into a file of /home"


def advice(error: HypercellError) -> str:
    """A hint, or nothing: then the error's own stands."""
    if isinstance(error, TimedOut):
        return _TIME
    if isinstance(error, OutputLimitExceeded):
        return _OUTPUT
    if isinstance(error, Interrupted):
        return _KEPT
    if isinstance(error, CellException):
        return python_advice.advice(error.name, error.message, error.traceback)
    return ""


def command_advice(error: HypercellError) -> str:
    """As ``advice``, for who typed ``hypercell run`` and has its options."""
    if isinstance(error, TimedOut):
        return "an endless loop? for more time: --timeout SECONDS"
    if isinstance(error, OutputLimitExceeded):
        return "an endless loop? what is so long goes into a file, below a --dir"
    return "" if isinstance(error, Interrupted) else advice(error)
