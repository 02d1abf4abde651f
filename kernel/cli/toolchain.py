"""``hypercell toolchain``: list, install, remove the compilers that cells use."""

from __future__ import annotations

import argparse
import time

from rich.table import Table

from hypercell.kernel.cli.console import console
from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.cli.progress import Steps
from hypercell.kernel.sizes import format_size
from hypercell.kernel.toolchains import install, list_toolchains, remove, status


def main(options: argparse.Namespace) -> int:
    """Dispatch to the action."""
    if options.action == "list":
        return _list()
    for name in options.names:
        if options.action == "install":
            _install(name)
        else:
            _remove(name)
    return Exit.OK


def _list() -> int:
    table = Table("name", "state", "languages", "version", "size", "path", box=None, pad_edge=False)
    for found in list_toolchains():
        table.add_row(
            found.name,
            found.state,
            ", ".join(f"%%{language}" for language in found.languages),
            f"{found.package} {found.version}",
            format_size(found.size) if found.size else "-",
            str(found.path),
        )
    console().print(table)
    return Exit.OK


def _install(name: str) -> None:
    start = time.monotonic()
    before = status(name).state
    with Steps(console(stderr=True)) as steps:
        found = install(name, steps)
    if before == "installed":
        print(f"{name}: already installed ({found.version})")
    else:
        took = time.monotonic() - start
        print(f"{name}: installed {found.version}, {format_size(found.size)}, {took:.0f} s")


def _remove(name: str) -> None:
    print(f"{name}: removed" if remove(name) else f"{name}: was not installed")
