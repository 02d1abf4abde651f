"""What both worlds must agree on: error numbers, and results as far as WASI defines them."""

from __future__ import annotations

from differential.steps import Step
from differential.worlds import Outcome

RECENT = 1_600_000_000 * 10**9  # a time after this is "now": the two clocks differ
DIRECTORY = 3


def entries(outcome: Outcome) -> tuple[int, list[tuple[int, bytes, int]]]:
    """Bytes used, and the entries (cookie, name, type) that are whole, of ``fd_readdir``."""
    used = int.from_bytes(outcome.out[:4], "little")
    data, found = outcome.buffer[:used], []
    while len(data) >= 24:
        length = int.from_bytes(data[16:20], "little")
        if len(data) < 24 + length:
            break
        found.append((int.from_bytes(data[:8], "little"), data[24 : 24 + length], data[20]))
        data = data[24 + length :]
    return used, found


def _filestat(out: bytes) -> tuple[object, ...]:
    number = [int.from_bytes(out[at : at + 8], "little") for at in range(0, 64, 8)]
    kind, links, size, mtim = out[16], number[3], number[4], number[6]
    when = "recent" if mtim > RECENT else mtim
    # Of directories a host's file system has its own idea of links and size.
    return (kind, when) if kind == DIRECTORY else (kind, links, size, when)


def _size_of(step: Step) -> int:
    return next((a for a in step.args[1:] if isinstance(a, int)), 0)


def result(step: Step, outcome: Outcome) -> object:
    """What a successful call says, without what is a world's own affair."""
    out, buffer = outcome.out, outcome.buffer
    if isinstance(step.args[0], int) and step.name in ("fd_filestat_get", "fd_fdstat_get"):
        return None  # a stream: a terminal, a pipe or nothing at all
    match step.name:
        case "path_open":
            return None  # its number: see Slot
        case "fd_filestat_get" | "path_filestat_get":
            return _filestat(out)
        case "fd_fdstat_get":
            return out[0], out[2:4]  # rights: see tolerated.py
        case "fd_readdir":
            used, found = entries(outcome)
            whole = used < _size_of(step)
            return used, sorted((name, kind) for _, name, kind in found) if whole else None
        case "fd_prestat_get":
            return out[:1], out[4:8]
        case _:
            return out, buffer
