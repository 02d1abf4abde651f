"""The table and the JSON that `make bench` leaves."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.memory import Process
from benchmarks.timing import Row, Series
from hypercell.kernel.kvm_probe import backend

FOLDER = Path(__file__).resolve().parent
README = FOLDER.parent / "README.md"
_BEGIN, _END = "<!-- figures: make bench -->\n", "<!-- end of figures -->\n"


class Report(msgspec.Struct, frozen=True):
    machine: str
    date: str
    rows: Sequence[Row]
    memory: Sequence[Process]


def machine() -> str:
    """What the figures depend on; no name of the machine."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    load = f"load average {os.getloadavg()[2]:.1f} over the last quarter of an hour"
    return f"{os.cpu_count()} CPUs ({model}), {system}, KVM: {backend()}, {load}"


def make(rows: Sequence[Row], memory: Sequence[Process]) -> Report:
    """A report of this machine and day."""
    return Report(machine(), datetime.datetime.now(datetime.UTC).date().isoformat(), rows, memory)


def write(report: Report) -> None:
    """Leave both files beside this one, and the table in the README."""
    readme = README.read_text()
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    README.write_text(f"{before}{_BEGIN}{_table(report)}{_END}{after}")
    (FOLDER / "results.md").write_text(markdown(report))
    data = msgspec.json.format(msgspec.json.encode(report), indent=1)
    (FOLDER / "results.json").write_bytes(data + b"\n")


def _table(report: Report) -> str:
    lines = [
        f"{report.machine}; {report.date}. Milliseconds, median (p95); the sides of a row took",
        "turns in one run. *Ratio*: ours by the peer's median. *Floor*: below this nothing of the",
        "kind can be. Cells came 50 ms apart, Python ones 0.6 s; those in a row began half a",
        "second after the other side's.",
        "",
        "| | Hypercell | peer | ratio | floor | aim |",
        "|---|---|---|---|---|---|",
    ]
    for row in report.rows:
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        cells = [row.name, _shown(row.ours, named=False), _shown(row.peer), ratio]
        lines.append(f"| {' | '.join([*cells, _shown(row.floor), _aim(row)])} |")
    return "\n".join(lines) + "\n"


def markdown(report: Report) -> str:
    """The page."""
    lines = ["# Benchmarks", "", "`make bench` writes this page.", "", _table(report)]
    if report.memory:
        lines += [
            "Memory in MiB after three cells. *PSS* shares out what processes share; *USS* is what",
            "the end of the process would free.",
            "",
            "| kernel | process | number | PSS | USS |",
            "|---|---|---|---|---|",
        ]
        for process in report.memory:
            sizes = f"{process.pss:.1f} | {process.uss:.1f}"
            lines.append(f"| {process.kernel} | {process.role} | {process.count} | {sizes} |")
    return "\n".join(lines) + "\n"


def _shown(series: Series | None, *, named: bool = True) -> str:
    if series is None:
        return ""
    figures = f"{_short(series.median)} ({_short(series.p95)})"
    return f"{series.name}: {figures}" if named else figures


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _aim(row: Row) -> str:
    if row.met is None:
        return ""
    wanted = f"{row.aim_ms:g} ms" if row.aim_ms is not None else f"ratio {row.aim_ratio:g}"
    return f"{wanted}: {'met' if row.met else 'not met'}"
