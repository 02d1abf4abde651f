"""``hypercell config``: what is in force, and where each value comes from."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.table import Table

from hypercell.kernel.cli.console import console
from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.config import config_path, load_config
from hypercell.kernel.config_keys import LIMIT_KEYS
from hypercell.kernel.sizes import format_size


def main(options: argparse.Namespace) -> int:
    """Print the settings; ConfigError if the file is not right."""
    if options.path:
        print(config_path())
        return Exit.OK
    config = load_config()
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for key, value, origin in config.rows():
        table.add_row(key, _shown(key, value), origin)
    for name, place, variable in _places():
        table.add_row(name, str(place), variable if os.environ.get(variable) else "default")
    out = console()
    out.print(table)
    if config.path is None:
        out.print(f"no file at {config_path()}: these are the defaults", style="dim")
    return Exit.OK


def _places() -> list[tuple[str, Path, str]]:
    """Where things are kept, and the environment variable that would move them."""
    from hypercell.kernel.toolchains import store
    from hypercell.vmm import cache

    return [
        ("cache", cache.default_root(), cache.ENVIRONMENT),
        ("toolchains", store.default_root(), store.ENVIRONMENT),
    ]


def _shown(key: str, value: object) -> str:
    kind = LIMIT_KEYS.get(key.rpartition(".")[2], ("", ""))[1]
    if kind == "size" and isinstance(value, int):
        return format_size(value)
    if kind == "seconds":
        return f"{value:g} s"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
