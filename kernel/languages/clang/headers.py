"""Which standard header declares a name, for cells without ``main``.

Only headers whose names a cell uses are included, never a fixed list: a cell may well have its
own ``round`` or ``y1``. ``headers.txt`` is taken from the sysroot: every function, type and macro.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib import resources


@cache
def _table() -> dict[str, str]:
    text = resources.files(__package__).joinpath("headers.txt").read_text()
    table: dict[str, str] = {}
    for line in text.splitlines():
        header, names = line.split(": ", 1)
        table.update(dict.fromkeys(names.split(), header))
    return table


def for_names(used: Collection[str], own: Collection[str]) -> list[str]:
    """The headers that declare the names in ``used`` and not in ``own``, in a fixed order."""
    table = _table()
    wanted = {table[name] for name in used if name in table and name not in own}
    return [header for header in dict.fromkeys(table.values()) if header in wanted]


def standard() -> frozenset[str]:
    """The headers of the table."""
    return frozenset(_table().values())
