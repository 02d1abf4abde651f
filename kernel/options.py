"""The options of a cell as one typed value; ``kernel/cell.py`` reads them from the magic line."""

from __future__ import annotations

import msgspec


class Invocation(msgspec.Struct, frozen=True):
    """``--invoke add 2 3``: an export and its arguments as written."""

    export: str
    args: tuple[str, ...] = ()


class Options(msgspec.Struct, frozen=True):
    """What stands behind ``%%lang``. Sizes in bytes, times in seconds; None: the default."""

    mem: int | None = None
    timeout: float | None = None
    stdin: str | None = None  # None: ask the front end, else end of file
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    allow: tuple[str, ...] = ()  # grants asked for; the owner's configuration decides
    fresh: bool = False  # with an empty /home that is dropped afterwards
    name: str = ""  # what errors call the cell
    invoke: tuple[Invocation, ...] = ()
    add: tuple[str, ...] = ()  # files of /home that belong to the program
    flags: tuple[str, ...] = ()  # words that the language reads itself (clang's, say)
