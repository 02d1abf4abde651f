"""The inputs of this kernel, for the front end's history. In memory: nothing is kept on disk."""

from __future__ import annotations

import fnmatch
from collections import deque
from typing import Any

_MOST = 10_000
_SESSION = 1

Entry = tuple[int, int, Any]


class History:
    """Numbered inputs, the newest ``_MOST`` of them."""

    def __init__(self) -> None:
        self._inputs: deque[tuple[int, str]] = deque(maxlen=_MOST)

    def add(self, number: int, text: str) -> None:
        self._inputs.append((number, text))

    def tail(self, n: int) -> list[tuple[int, str]]:
        """The last ``n``, the oldest of them first."""
        return list(self._inputs)[-n:] if n > 0 else []

    def between(self, start: int, stop: int | None) -> list[tuple[int, str]]:
        """From number ``start`` up to, not including, ``stop``."""
        return [
            (number, text)
            for number, text in self._inputs
            if number >= start and (stop is None or number < stop)
        ]

    def search(self, pattern: str, n: int | None, *, unique: bool) -> list[tuple[int, str]]:
        """Inputs that match a glob pattern; of equal ones only the last where ``unique``."""
        found = [item for item in self._inputs if fnmatch.fnmatchcase(item[1], pattern)]
        if unique:
            found = sorted({text: (number, text) for number, text in found}.values())
        return found[-n:] if n and n > 0 else found

    def reply(self, kind: str, output: bool, **request: Any) -> list[Entry]:
        """The answer to a history_request; ``request`` as the protocol has it."""
        n, start, stop = (_number(request.get(name)) for name in ("n", "start", "stop"))
        if kind == "tail":
            found = self.tail(10 if n is None else n)
        elif kind == "range":
            found = self.between(start or 0, stop)
        elif kind == "search":
            pattern = str(request.get("pattern") or "*")
            found = self.search(pattern, n, unique=bool(request.get("unique")))
        else:
            found = []
        return [(_SESSION, number, (text, None) if output else text) for number, text in found]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
