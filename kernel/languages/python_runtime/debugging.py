"""``%debug``, ``%tb`` and ``%prun``: what became of a cell, and where its time went."""

from __future__ import annotations

import cProfile
import pdb
import pstats
import sys
from typing import Any

from hypercell.kernel.languages.python_runtime import tracebacks
from hypercell.kernel.languages.python_runtime.core_errors import StdinNotImplementedError
from hypercell.kernel.languages.python_runtime.place import Place, UsageError

_Profile, _Stats = cProfile.Profile, pstats.Stats


def debug(shell: Any, line: str, place: Place) -> None:
    """``%debug``: the debugger, in the frames of the last exception."""
    error = getattr(sys, "last_exc", None)
    if error is None or error.__traceback__ is None:
        raise UsageError("%debug goes into the frames of the last exception: there are none yet")
    try:
        pdb.post_mortem(error)
    except StdinNotImplementedError:
        raise UsageError(
            "%debug asks for commands, and this front end does not support input requests; "
            "%%python --stdin TEXT above it gives them, \\n between two"
        ) from None


def tb(shell: Any, line: str, place: Place) -> None:
    """``%tb``: the traceback of the last exception, again."""
    sys.stdout.write(f"{tracebacks.again() or 'No traceback available to show.'}\n")


def prun(shell: Any, line: str, place: Place, cell: str | None = None) -> pstats.Stats | None:
    """``%prun [-s KEY] [-l N] [-r] [-q] STATEMENT``, and ``%%prun [OPTIONS]`` above ``cell``."""
    keys, limits, flags = [], [], set()
    rest = line.strip()
    while rest.startswith("-"):
        option, _, rest = rest.partition(" ")
        value, _, after = rest.lstrip().partition(" ")
        if option in ("-s", "-l"):
            rest = after.lstrip()
        if option == "-s" and value in _Stats.sort_arg_dict_default:
            keys.append(value)
        elif option == "-l" and value:
            limits.append(_limit(value))
        elif option in ("-r", "-q"):
            flags.add(option)
        else:
            known = ", ".join(_Stats.sort_arg_dict_default)
            raise UsageError(f"%prun [-s KEY] [-l N] [-r] [-q] STATEMENT; KEY: {known}")
    if cell is None and not rest:
        raise UsageError("%prun needs a statement; %%prun in the first line takes the cell")
    profile = _Profile()
    names = place.merged()
    try:
        profile.runctx(rest if cell is None else cell, names, names)
    except SystemExit:
        sys.stdout.write("*** SystemExit exception caught in code being profiled.\n")
    stats = _Stats(profile, stream=sys.stdout).strip_dirs().sort_stats(*keys or ["time"])
    if "-q" not in flags:
        stats.print_stats(*limits)
    return stats if "-r" in flags else None


def _limit(text: str) -> int | float | str:
    """A number of lines, a part of them (0.1), or a pattern of names."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
