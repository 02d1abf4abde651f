"""Typed values out of a TOML table; every error names the file, the line and the key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hypercell.kernel.errors import ConfigError
from hypercell.kernel.sizes import parse_size
from hypercell.vmm.program import Limits

# key in the file -> field of Limits, what it counts
LIMIT_KEYS: dict[str, tuple[str, str]] = {
    "memory": ("memory", "size"),
    "timeout": ("wall", "seconds"),
    "output": ("output", "size"),
    "home": ("home_bytes", "size"),
    "home_files": ("home_files", "count"),
    "tmp": ("tmp_bytes", "size"),
    "tmp_files": ("tmp_files", "count"),
    "dir": ("dir_bytes", "size"),
    "dir_files": ("dir_files", "count"),
}
_LONGEST = 7 * 24 * 3600.0
_MOST_FILES = 1_000_000


class Source:
    """A configuration file: finds the line of a key, makes errors, remembers where values are."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.origins: dict[str, str] = {}
        self._lines = text.splitlines()

    def line(self, dotted: str) -> int | None:
        """The line of ``table.key`` or ``table``, from 1; None if it is written in a rarer way."""
        table, _, key = dotted.rpartition(".")
        current = ""
        for number, line in enumerate(self._lines, 1):
            if header := re.match(r"\s*\[+\s*([\w.\"-]+)\s*\]", line):
                current = header[1].strip('"')
                if current == dotted:
                    return number
            elif (found := re.match(r"\s*([\w.\"-]+)\s*=", line)) and (
                f"{current}.{found[1]}".strip('."') == dotted
                or (current == table and found[1].strip('"') == key)
            ):
                return number
        return None

    def error(self, dotted: str, message: str, *, hint: str) -> ConfigError:
        """A ConfigError that says where."""
        line = self.line(dotted)
        where = f"{self.path}:{line}" if line else str(self.path)
        return ConfigError(f"{where}: {dotted}: {message}", hint=hint)

    def found(self, dotted: str) -> None:
        """Remember that ``dotted`` has its value from this file."""
        line = self.line(dotted)
        self.origins[dotted] = f"{self.path}:{line}" if line else str(self.path)

    def check_keys(self, table: str, values: Mapping[str, Any], known: Iterable[str]) -> None:
        """ConfigError for the first unknown key, with the nearest known one."""
        known = sorted(known)
        for key in values:
            if key in known:
                continue
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise self.error(f"{table}.{key}".lstrip("."), "unknown key", hint=hint)

    def table(self, values: Mapping[str, Any], name: str, known: Iterable[str]) -> dict[str, Any]:
        """The table ``name``, its keys checked; empty if it is absent."""
        table = values.get(name, {})
        if not isinstance(table, dict):
            raise self.error(name, "must be a table", hint=f"write [{name}] on a line of its own")
        self.check_keys(name, table, known)
        return table


def read_string(source: Source, values: Mapping[str, Any], dotted: str, default: str) -> str:
    """A string, or ``default`` if it is absent."""
    key = dotted.rpartition(".")[2]
    if key not in values:
        return default
    if not isinstance(values[key], str):
        raise source.error(dotted, f"{values[key]!r} is not a string", hint='write it in "…"')
    source.found(dotted)
    return str(values[key])


def read_bool(source: Source, values: Mapping[str, Any], dotted: str) -> bool:
    """True or false; false if it is absent."""
    key = dotted.rpartition(".")[2]
    if key not in values:
        return False
    if not isinstance(values[key], bool):
        raise source.error(dotted, f"{values[key]!r} is not true or false", hint="without quotes")
    source.found(dotted)
    return bool(values[key])


def read_strings(source: Source, values: Mapping[str, Any], dotted: str) -> list[str]:
    """A list of strings; empty if it is absent."""
    key = dotted.rpartition(".")[2]
    if key not in values:
        return []
    found = values[key]
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise source.error(dotted, "must be a list of strings", hint='like ["…", "…"]')
    source.found(dotted)
    return found


def read_limits(source: Source, tables: Mapping[str, Any], name: str, default: Limits) -> Limits:
    """The table ``name`` laid over ``default``."""
    changes: dict[str, Any] = {}
    for key, value in source.table(tables, name, LIMIT_KEYS).items():
        field, kind = LIMIT_KEYS[key]
        try:
            changes[field] = _number(value, kind)
        except ValueError as error:
            hint = {"size": 'like "512 MiB"', "seconds": "like 30 or 2.5", "count": "like 4096"}
            raise source.error(f"{name}.{key}", str(error), hint=hint[kind]) from error
        source.found(f"{name}.{key}")
    return msgspec.structs.replace(default, **changes)


def _number(value: object, kind: str) -> int | float:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    if kind == "size" and isinstance(value, str | int):
        return parse_size(str(value))
    if kind == "seconds" and isinstance(value, int | float):
        if not 0 < value <= _LONGEST:
            raise ValueError(f"{value} is not between 0 and a week of seconds")
        return float(value)
    if kind == "count" and isinstance(value, int):
        if not 0 < value <= _MOST_FILES:
            raise ValueError(f"{value} is not between 1 and {_MOST_FILES}")
        return value
    raise ValueError(f"{value!r} is not a {kind.removesuffix('s')}")
