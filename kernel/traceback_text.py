"""Errors as a notebook shows them: a traceback like Python's, what happened, and a hint."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from hypercell.kernel.advice import advice
from hypercell.kernel.errors import BuildError, CellException
from hypercell.kernel.languages.base import SourceFile
from hypercell.kernel.safe_text import safe_name, safe_text
from hypercell.vmm import abi
from hypercell.vmm.errors import HypercellError, Trap
from hypercell.vmm.outcome import Frame

_RED, _GREEN, _BLUE, _GREY, _BOLD, _OFF = (f"\x1b[{n}m" for n in ("31", "32", "34", "90", "1", "0"))
_OUTER, _INNER = 8, 16  # frames that are shown of a long stack
# What compilers call the functions that people know by another name.
_NAMES = {"__original_main": "main", "__main_argc_argv": "main"}
_UNKNOWN_OFFSET = 1 << 32
_MOST_DIAGNOSTICS = 64 << 10

TRAPS: dict[int, tuple[str, str]] = {
    abi.TRAP_UNREACHABLE: (
        "unreachable code was reached",
        "abort(), a failed assert, or behaviour that the language leaves undefined",
    ),
    abi.TRAP_MEMORY_OUT_OF_BOUNDS: (
        "memory access out of bounds",
        "an address outside of the program's memory: a wild pointer, or an index far too large",
    ),
    abi.TRAP_TABLE_OUT_OF_BOUNDS: (
        "table access out of bounds",
        "a function pointer that is none, or an index beyond a table",
    ),
    abi.TRAP_INDIRECT_CALL_TO_NULL: (
        "call of a null function pointer",
        "the pointer was never set, or is null",
    ),
    abi.TRAP_BAD_SIGNATURE: (
        "indirect call of a function with another signature",
        "a function pointer was cast to another type",
    ),
    abi.TRAP_INTEGER_OVERFLOW: (
        "integer overflow",
        "the quotient or the converted number does not fit its type",
    ),
    abi.TRAP_INTEGER_DIVISION_BY_ZERO: (
        "integer division by zero",
        "check the divisor before / and %",
    ),
    abi.TRAP_BAD_CONVERSION_TO_INTEGER: (
        "a number that no integer can hold was converted",
        "NaN or an infinity: check it before the conversion",
    ),
    abi.TRAP_STACK_OVERFLOW: (
        "stack overflow",
        "a recursion that does not end, or large variables in deep calls",
    ),
    abi.TRAP_NULL_REFERENCE: ("null reference", "the reference was never set"),
    abi.TRAP_ARRAY_OUT_OF_BOUNDS: ("array access out of bounds", "check the index"),
    abi.TRAP_CAST_FAILURE: ("a reference is not of the type it was cast to", "test it first"),
    abi.TRAP_ALLOCATION_TOO_LARGE: ("allocation too large", "ask for less"),
    abi.TRAP_UNCAUGHT_EXCEPTION: ("an exception was not caught", "catch it with try_table"),
}


class Symbols(msgspec.Struct, frozen=True):
    """What is known about the frames of a trap: a place for each, and the sources."""

    places: tuple[tuple[str, int] | None, ...] = ()
    sources: tuple[SourceFile, ...] = ()


def render(
    error: HypercellError,
    *,
    symbols: Symbols = Symbols(),  # noqa: B008
    advise: Callable[[HypercellError], str] = advice,
) -> str:
    """The whole text, with colours. What a guest had a hand in is made safe.

    ``advise``: what to do about it, in the words of whoever reads.
    """
    hint = advise(error) or error.hint
    if isinstance(error, CellException):
        text = safe_text(error.traceback)
        return f"{text}\n{_hint(hint)}" if hint else text
    parts: list[str] = []
    trap = error if isinstance(error, Trap) else error.__cause__
    if isinstance(trap, Trap) and trap.frames:
        parts.append(_stack(trap.frames, symbols))
    if isinstance(error, BuildError) and error.diagnostics.strip():
        parts.append(safe_text(error.diagnostics[:_MOST_DIAGNOSTICS]).rstrip("\n"))
    parts.append(f"{_RED}{type(error).__name__}{_OFF}: {safe_text(summary(error))}")
    if not hint and isinstance(error, Trap) and error.code in TRAPS:
        hint = TRAPS[error.code][1]
    if hint:
        parts.append(_hint(hint))
    return "\n".join(parts)


def _hint(text: str) -> str:
    return f"{_BOLD}hint:{_OFF} {safe_text(text)}"


def error_name(error: HypercellError) -> str:
    """What a notebook calls the error."""
    return error.name if isinstance(error, CellException) else type(error).__name__


def summary(error: HypercellError) -> str:
    """The message; of a trap in our own words."""
    if isinstance(error, Trap) and error.code in TRAPS:
        return TRAPS[error.code][0]
    return error.message


def _stack(frames: Sequence[Frame], symbols: Symbols) -> str:
    """Outermost first, as Python has it. Repeated frames and the middle of a long stack are cut."""
    shown: list[tuple[list[str], int]] = []  # a frame's lines, how often it repeats
    for index in range(_outermost(frames, symbols), -1, -1):
        place = symbols.places[index] if index < len(symbols.places) else None
        lines = _frame(frames[index], place, symbols.sources)
        if shown and shown[-1][0] == lines:
            shown[-1] = (lines, shown[-1][1] + 1)
        else:
            shown.append((lines, 1))
    text = [f"{_GREY}Traceback (most recent call last):{_OFF}"]
    hidden = len(shown) - _OUTER - _INNER
    for position, (lines, times) in enumerate(shown):
        if hidden > 1 and _OUTER <= position < _OUTER + hidden:
            if position == _OUTER:
                text.append(f"  {_GREY}… {hidden} more …{_OFF}")
            continue
        text += lines
        if times > 1:
            text.append(f"  {_GREY}… {times - 1} more of the same …{_OFF}")
    return "\n".join(text)


def _outermost(frames: Sequence[Frame], symbols: Symbols) -> int:
    """Where to begin: what calls ``main`` has no source, and tells people nothing."""
    known = [index for index, place in enumerate(symbols.places[: len(frames)]) if place]
    last = len(frames) - 1
    return known[-1] if known and frames[last].name == "_start" else last


def _frame(frame: Frame, place: tuple[str, int] | None, sources: Sequence[SourceFile]) -> list[str]:
    name = safe_name(_NAMES.get(frame.name, frame.name)) or f"function {frame.index}"
    if place is None or not place[0]:
        where = f", code offset {frame.offset:#x}" if 0 < frame.offset < _UNKNOWN_OFFSET else ""
        return [f"  {_GREY}{name}{where}{_OFF}"]
    path, number = place
    source = next((source for source in sources if _same(source.name, path)), None)
    if source is None:
        return [f"  {_GREY}{name}, {safe_name(path)}, line {number}{_OFF}"]
    shown = safe_name(source.shown or source.name)
    lines = [f"  {_GREEN}{shown}{_OFF}, line {_BOLD}{number}{_OFF}, in {_BLUE}{name}{_OFF}"]
    text = source.text.split("\n")
    if 0 <= number - source.first_line < len(text):
        lines.append(f"    {safe_text(text[number - source.first_line].strip())[:500]}")
    return lines


def _same(name: str, path: str) -> bool:
    return path == name or path.rpartition("/")[2] == name
