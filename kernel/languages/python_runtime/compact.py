"""Puts together what each cell writes, and fills the holes of the heap.

What cells make lies beside it then. Of each 2 MiB that a cell writes to, all is looked through.
"""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

_LARGEST = 4 << 20  # bytes; no hole is as large
_LARGE = 4 << 10
_UNIT = 2 << 20
_LEAD = 512 << 10  # what the first unit has before this memory: MEMORY_LEAD of the guest
_IN_A_ROW = 16 << 10  # bytes beyond the end: then there is no hole of that size any more
_MOST = 250  # larger numbers are objects themselves
_NAMES = 40_000  # twice what the start has
_kept: Any = None  # a chain of what fills the holes: of pairs, which fill some themselves


def _sizes() -> Iterator[int]:
    size = _LARGEST // 2
    while size > 0:  # bytes(1) is always the same
        yield size
        size = size // 2 if size > _LARGE else size - 8


# All that filling takes is made ahead: whatever it made for itself would be a hole again.
_MAKERS: list[tuple[Callable[[], object], int]] = [
    *((functools.partial(bytes, n), max(2, min(_IN_A_ROW // n, _MOST))) for n in _sizes()),
    (object, _MOST),
]
# CPython keeps some of what is freed for the next of its kind, the last one first.
_FREE_LISTS: list[Callable[[], object]] = [
    *(functools.partial(tuple, [None] * size) for size in range(1, 21)),
    functools.partial(int, str(1 << 20)),
    functools.partial(float, "0.5"),
    functools.partial(iter, []),
    functools.partial(slice, 0),
    functools.partial(types.MethodType, len, 0),
    list,
    dict,
]
_beyond: list[object] = [None] * _MOST


def fill_holes() -> None:
    """Take every free stretch of the heap below its end."""
    gc.collect()
    _fill_all(id(bytes(_LARGEST)))


def _fill_all(end: int) -> None:
    global _kept
    for make, enough in _MAKERS:
        _fill(end, make, enough)
    for make in _FREE_LISTS:
        end = id(bytes(_LARGEST))
        _kept = (end, _kept)  # a number that may come from such a list: it must not go back
        _fill(end, make, 1)


def _fill(end: int, make: Callable[[], object], enough: int) -> None:
    """Take the holes that are as large as what is made, until so many in a row are beyond it."""
    global _kept
    count = 0
    while count < enough:
        if id(piece := make()) < end:
            _kept = (piece, _kept)
            count = 0
        else:
            _beyond[count] = piece
            count += 1
    for at in range(enough):
        _beyond[at] = None


def move_names() -> None:
    """Have the table of interned strings made anew: each cell has names of its own."""
    names = [f"name {number}" for number in range(_NAMES)]
    fill_holes()
    begin_unit()
    names[:] = map(sys.intern, names)
    names.clear()


def begin_unit() -> None:
    """Let what is made from now on lie in 2 MiB of its own, once all holes are filled."""
    global _kept
    room = -(_LEAD + id(bytes(_LARGEST))) % _UNIT
    _kept = (bytes(room), _kept)


def move(names: dict[str, Any]) -> None:
    """Have the table of a dictionary made anew: by so many more names that it must grow."""
    others = [f"_{number}" for number in range(2 * len(names))]
    names |= dict.fromkeys(others)
    for name in others:
        del names[name]


def code_of(work: Callable[[], None]) -> set[types.CodeType]:
    """The code that ``work`` runs."""
    ran: set[types.CodeType] = set()

    def note(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "call":
            ran.add(frame.f_code)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return ran


def gather_code(ran: set[types.CodeType]) -> None:
    """Make code anew, in one place.

    CPython counts in each instruction how often it was run, so running code writes to it. What was
    there before is freed at the end: else the next one would come to lie in its holes.
    """
    names = {id(code) for code in ran}
    gc.unfreeze()
    functions = [one for one in gc.get_objects() if isinstance(one, types.FunctionType)]
    made: dict[int, types.CodeType] = {}
    wanted = [
        function
        for function in functions
        if not names.isdisjoint(map(id, (function.__code__, *function.__code__.co_consts)))
    ]
    fill_holes()
    copies = [_anew(function.__code__, made) for function in wanted]
    for function, code in zip(wanted, copies, strict=True):
        function.__code__ = code


def _anew(code: types.CodeType, made: dict[int, types.CodeType]) -> types.CodeType:
    """A copy with copies of the code within; one for all functions that share it."""
    if id(code) not in made:
        consts = (_anew(c, made) if isinstance(c, types.CodeType) else c for c in code.co_consts)
        made[id(code)] = code.replace(co_consts=tuple(consts))
    return made[id(code)]
