"""What each process of a kernel holds, after cells have run."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]

from benchmarks import programs
from benchmarks.kernel_rows import Kernel

_SETTLE = 3.0  # seconds until the pool is full again


class Process(msgspec.Struct, frozen=True):
    """Sizes in MiB. ``pss``: its share of what it shares; ``uss``: what its end would free."""

    kernel: str
    role: str
    count: int
    pss: float
    uss: float


def processes() -> list[Process]:
    found = []
    with Kernel("hypercell") as ours, Kernel("python3") as ipykernel:
        for number in range(3):
            ours.run("%%c\n" + programs.edited(number))
            ipykernel.run("pass")
        ours.run("x = 1")
        ipykernel.run("x = 1")
        time.sleep(_SETTLE)
        found += _tree("hypercell", ours.pid)
        found += _tree("ipykernel", ipykernel.pid)
    return found


def _tree(kernel: str, pid: int) -> list[Process]:
    root = psutil.Process(pid)
    roles: dict[str, list[tuple[float, float]]] = {}
    for process in [root, *root.children(recursive=True)]:
        # One that has just ended is no longer anybody's memory.
        with contextlib.suppress(psutil.Error, OSError):
            role, sizes = _role(process), _sizes(process.pid)
            roles.setdefault(role, []).append(sizes)
    return [
        Process(kernel, role, len(sizes), sum(p for p, _ in sizes), sum(u for _, u in sizes))
        for role, sizes in roles.items()
    ]


def _role(process: psutil.Process) -> str:
    parent = process.parent()
    module = next((w for w in process.cmdline() if w.startswith("hypercell.vmm.")), "")
    if module and parent is not None and module in parent.cmdline():
        forked = {"zygote": "worker (one parked VM)", "compiler": "compile, forked and waiting"}
        return forked[module.rpartition(".")[2]]
    return module.rpartition(".")[2] or "kernel process"


def _sizes(pid: int) -> tuple[float, float]:
    values: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0])
    private = values["Private_Clean"] + values["Private_Dirty"] + values.get("Private_Hugetlb", 0)
    return values["Pss"] / 1024, private / 1024
