"""``hypercell doctor``: checks, one real micro-VM, and the layers of isolation in force."""

from __future__ import annotations

import argparse
import time

from rich.console import Console
from rich.table import Table

from hypercell.kernel.cli.console import console
from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.config import load_config
from hypercell.kernel.doctor import Check, State, examine, isolation
from hypercell.vmm.errors import HypercellError

_STYLES = {State.GOOD: "green", State.NOTE: "yellow", State.FAILED: "bold red"}
_ADD = '(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))'


def main(options: argparse.Namespace) -> int:
    """Print the report; 1 if something that cells need does not work."""
    out = console()
    checks = []
    for check in examine():
        checks.append(check)
        _print(out, check)
    needed = {"machine", "kvm", "image", "cpu", "jail"}
    ready = not any(c.state is State.FAILED and c.name in needed for c in checks)
    if ready and not options.no_run:
        checks.append(_run())
        _print(out, checks[-1])
    out.print()
    table = Table("isolation of a cell", "", box=None, pad_edge=False)
    for layer, in_force in isolation():
        table.add_row(layer, "in force" if in_force else "MISSING")
    out.print(table)
    out.print()
    failed = [check.name for check in checks if check.state is State.FAILED]
    if failed:
        what = f"To do: {', '.join(failed)} (see above)"
        what += "." if ready else "; until then no cell can run."
        out.print(f"{what} Then ask again: hypercell doctor", style="bold red")
        return Exit.FAILED
    out.print("All is well: open a notebook with the kernel Hypercell, or `hypercell run FILE`.")
    return Exit.OK


def _print(out: Console, check: Check) -> None:
    out.print(f"{check.state.value:<7}", style=_STYLES[check.state], end="")
    out.print(f"{check.name:<11} {check.text}")
    for line in check.hint.splitlines():
        out.print(f"{'':19}{line}", style="dim")


def _run() -> Check:
    from hypercell.vmm import MicroVM

    start = time.perf_counter()
    try:
        with MicroVM(may_miss=load_config().allow_missing) as vm:
            vm.load(_ADD)
            begun = time.perf_counter()
            values = vm.invoke("add", 40, 2)
            took = (time.perf_counter() - begun) * 1e3
    except HypercellError as error:
        return Check("run", State.FAILED, error.message, error.hint)
    total = (time.perf_counter() - start) * 1e3
    text = f"40 + 2 = {values} in a micro-VM: {took:.1f} ms, {total:.0f} ms with all processes"
    return Check("run", State.GOOD, text)
