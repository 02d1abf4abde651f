"""``python -m benchmarks``: measure, print; a whole run writes results.md and results.json."""

from __future__ import annotations

import argparse
import asyncio
import sys

from benchmarks import kernel_rows, python_rows, vm_rows
from benchmarks.memory import processes
from benchmarks.report import make, markdown, write
from benchmarks.timing import Row

# name -> rows, rounds, rounds of a quick run
GROUPS = {
    "hello": (vm_rows.hello_rows, 200, 30),
    "cell": (kernel_rows.cell_rows, 200, 30),
    "edit": (kernel_rows.edit_rows, 40, 8),
    "compute": (vm_rows.compute_rows, 15, 3),
    "start": (kernel_rows.start_rows, 8, 2),
    "python": (python_rows.python_rows, 200, 30),
    "python-compute": (python_rows.compute_rows, 15, 3),
    "python-commit": (python_rows.commit_rows, 40, 12),
    "python-start": (python_rows.start_rows, 8, 2),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", metavar="ROW", help=f"one of {', '.join(GROUPS)}, memory")
    options = parser.parse_args()
    known = [*GROUPS, "memory"]
    if options.only is not None and options.only not in known:
        parser.error(f"--only {options.only}: known: {', '.join(known)}")
    rows: list[Row] = []
    for name, (measure, rounds, few) in GROUPS.items():
        if options.only in (None, name):
            sys.stderr.write(f"{name} …\n")
            rows += asyncio.run(measure(few if options.quick else rounds))
    memory = processes() if options.only in (None, "memory") else []
    report = make(rows, memory)
    print(markdown(report))
    if options.only is None and not options.quick:
        write(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
