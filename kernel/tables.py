"""Plain-text tables: what a module exports and imports, what is in /home, limits, languages."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hypercell.kernel.calls import signature
from hypercell.kernel.home import HomeEntry
from hypercell.kernel.safe_text import safe_name
from hypercell.kernel.sizes import format_size
from hypercell.kernel.tar_reader import Kind

if TYPE_CHECKING:
    from hypercell.vmm import Code
    from hypercell.vmm.program import ExportType

_MOST_ROWS = 200


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned, two spaces between them; no space at the end of a line."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    )


def exports_table(code: Code, command: str) -> str:
    """What can be called, and how; ``command``: what stands before ``--invoke``."""
    if not code.exports:
        return "the module has no _start and exports nothing"
    rows = [(export.kind, _describe(export)) for export in code.exports[:_MOST_ROWS]]
    text = table([("export", ""), *rows])
    if len(code.exports) > _MOST_ROWS:
        text += f"\n… and {len(code.exports) - _MOST_ROWS} more"
    function = next((export for export in code.exports if export.kind == "func"), None)
    if function is not None:
        example = " ".join(["--invoke", safe_name(function.name), *function.params])
        text += f"\n\ncall one with: {command} {example}"
    return text


def _describe(export: ExportType) -> str:
    if export.kind == "func":
        return signature(export)
    unit = " pages" if export.kind == "memory" else ""
    return safe_name(export.name) + (f": {export.detail}{unit}" if export.detail else "")


def files_table(entries: Mapping[str, HomeEntry]) -> str:
    """What ``%files`` shows."""
    if not entries:
        return "/home is empty: write to it from a cell, or with %%file NAME"
    rows = []
    for path, entry in list(entries.items())[:_MOST_ROWS]:
        name = safe_name(path)
        when = datetime.datetime.fromtimestamp(entry.mtime, datetime.UTC)
        time = when.strftime("%Y-%m-%d %H:%M") if entry.mtime else ""
        if entry.kind is Kind.DIRECTORY:
            rows.append(("", time, f"{name}/"))
        elif entry.kind is Kind.SYMLINK:
            rows.append(("", time, f"{name} -> {safe_name(entry.target)}"))
        else:
            rows.append((format_size(len(entry.data)), time, name))
    total = format_size(sum(len(entry.data) for entry in entries.values()))
    more = f", {len(entries) - _MOST_ROWS} not shown" if len(entries) > _MOST_ROWS else ""
    return f"{table(rows)}\n{len(entries)} in /home, {total}{more}"
