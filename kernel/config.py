"""The owner's configuration: one TOML file, read once when a session starts, never by a cell.

It is ``$HYPERCELL_CONFIG`` or ``hypercell/config.toml`` in the user's configuration directory; no
file means the defaults. ``docs/configuration.md`` shows every key. A cell may lower the limits; it
may raise them up to ``[maximum]``, which is equal to ``[limits]`` until the owner says otherwise.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from hypercell.kernel.config_keys import (
    LIMIT_KEYS,
    Source,
    read_bool,
    read_limits,
    read_string,
    read_strings,
)
from hypercell.kernel.errors import ConfigError
from hypercell.kernel.grants import DirectoryGrant, parse_directory
from hypercell.vmm.isolation import LAYERS
from hypercell.vmm.program import Limits

ENVIRONMENT = "HYPERCELL_CONFIG"
ISOLATION_LEVELS = ("vm",)  # weaker ones do not exist
LANGUAGE = "python"
_MAX_FILE = 1 << 20
_TABLES = ("grants", "isolation", "language", "limits", "maximum", "output")


class Config(msgspec.Struct, frozen=True):
    """What is in force. ``origins``: dotted key -> where its value comes from."""

    language: str = LANGUAGE  # of a cell without a magic
    isolation: str = ISOLATION_LEVELS[0]
    limits: Limits = Limits()  # of a cell that asks for nothing
    maximum: Limits = Limits()  # the most a cell may ask for
    allow_missing: tuple[str, ...] = ()  # layers of the jail that this machine may lack
    directories: tuple[DirectoryGrant, ...] = ()  # seen read-only by every cell
    packages: tuple[str, ...] = ()  # names that %pip may install; "*": any
    scripts: bool = False  # may HTML of cells bring scripts, in sandboxed frames
    path: Path | None = None  # the file that was read
    origins: Mapping[str, str] = msgspec.field(default_factory=dict)

    def rows(self) -> list[tuple[str, Any, str]]:
        """Dotted key, value and origin of every setting, in the order of the documentation."""
        values: list[tuple[str, Any]] = [("language", self.language)]
        for table in ("limits", "maximum"):
            limits: Limits = getattr(self, table)
            values += [(f"{table}.{k}", getattr(limits, f)) for k, (f, _) in LIMIT_KEYS.items()]
        values.append(("grants.directories", [str(grant) for grant in self.directories]))
        values.append(("grants.packages", list(self.packages)))
        values.append(("output.scripts", self.scripts))
        values.append(("isolation.level", self.isolation))
        values.append(("isolation.allow_missing", list(self.allow_missing)))
        return [(key, value, self.origins.get(key, "default")) for key, value in values]


def config_path(environ: Mapping[str, str] | None = None) -> Path:
    """Where the file is looked for, whether or not it exists."""
    named = (os.environ if environ is None else environ).get(ENVIRONMENT)
    if named:
        return Path(named)
    return platformdirs.user_config_path("hypercell", appauthor=False) / "config.toml"


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the file. ConfigError: not readable, not TOML, unknown key, wrong value."""
    environ = os.environ if environ is None else environ
    named = path is not None or bool(environ.get(ENVIRONMENT))
    path = config_path(environ) if path is None else path
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except FileNotFoundError as error:
        if not named:
            return Config()
        raise ConfigError(
            f"{path}: there is no such configuration file",
            hint=f"create it, or unset {ENVIRONMENT}",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}", hint="make it a file that you can read"
        ) from error
    if len(data) > _MAX_FILE:
        raise ConfigError(f"{path}: larger than 1 MiB", hint="this is not a configuration file")
    return parse_config(data, path)


def parse_config(data: bytes, path: Path) -> Config:
    """The checked configuration in ``data``; ``path`` only serves the messages."""
    try:
        text = data.decode()
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError
        raise ConfigError(f"{path}: not TOML: {error}", hint="see docs/configuration.md") from error
    source = Source(path, text)
    source.check_keys("", tables, _TABLES)
    isolation = source.table(tables, "isolation", ("allow_missing", "level"))
    level = read_string(source, isolation, "isolation.level", ISOLATION_LEVELS[0])
    if level not in ISOLATION_LEVELS:
        raise source.error(
            "isolation.level",
            f"{level!r} is not a level of isolation",
            hint='the only level there is: "vm" (every cell in its own micro-VM)',
        )
    allow_missing = read_strings(source, isolation, "isolation.allow_missing")
    for layer in allow_missing:
        if layer not in LAYERS:
            raise source.error(
                "isolation.allow_missing",
                f"{layer!r} is not a layer that can be missing",
                hint=f"these can: {', '.join(LAYERS)}",
            )
    grants = source.table(tables, "grants", ("directories", "network", "packages"))
    if read_strings(source, grants, "grants.network"):
        raise source.error(
            "grants.network",
            "this version has no way to grant it",
            hint="remove network: cells have none",
        )
    limits = read_limits(source, tables, "limits", Limits())
    maximum = read_limits(source, tables, "maximum", limits)
    for key, (field, _) in LIMIT_KEYS.items():
        if getattr(maximum, field) < getattr(limits, field):
            raise source.error(
                f"maximum.{key}", "below the default in [limits]", hint="raise it, or lower limits"
            )
    return Config(
        language=read_string(source, tables, "language", LANGUAGE),
        isolation=level,
        allow_missing=tuple(allow_missing),
        limits=limits,
        maximum=maximum,
        directories=_read_directories(source, grants),
        packages=_read_packages(source, grants),
        scripts=read_bool(source, source.table(tables, "output", ("scripts",)), "output.scripts"),
        path=path,
        origins=source.origins,
    )


def _read_packages(source: Source, grants: Mapping[str, Any]) -> tuple[str, ...]:
    names = read_strings(source, grants, "grants.packages")
    for name in names:
        if name != "*" and not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
            raise source.error(
                "grants.packages", f"{name!r} is no name of a package", hint='["attrs"], or ["*"]'
            )
    return tuple(names)


def _read_directories(source: Source, grants: Mapping[str, Any]) -> tuple[DirectoryGrant, ...]:
    directories = []
    for text in read_strings(source, grants, "grants.directories"):
        try:
            directories.append(parse_directory(text, source.path.parent))
        except ValueError as error:
            raise source.error("grants.directories", str(error), hint="HOST::GUEST") from error
    return tuple(directories)
