"""Run a notebook in a kernel of its own, show the outputs here, and check each against its cell.

    python notebooks/run.py notebooks/tour.ipynb [--html FILE] [--save] [--kernel NAME]

A code cell says in its metadata what must come out: ``{"hypercell": {"expect": ["42", …]}}``; a
cell with the tag ``raises-exception`` must fail. The exit code is 1 if one does otherwise; then
``--save``, which keeps the outputs in the notebook for readers who do not run it, saves nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

CELL_SECONDS = 120
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def text_of(cell: NotebookNode) -> str:
    """Everything that the outputs of a cell say, without colours."""
    return _ESCAPES.sub("", "\n".join(_texts(cell)))


def _texts(cell: NotebookNode) -> list[str]:
    """The text of each output; pieces of one stream that follow each other are one."""
    pieces: list[str] = []
    stream = ""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            if output.name == stream:
                pieces[-1] += output.text
            else:
                pieces.append(output.text)
        elif output.output_type == "error":
            pieces.append("\n".join(output.traceback) or f"{output.ename}: {output.evalue}")
        else:
            pieces.append(output.data.get("text/plain", ""))
        stream = output.name if output.output_type == "stream" else ""
    return pieces


def problems(cell: NotebookNode) -> list[str]:
    """How the outputs of a code cell differ from what its metadata says."""
    expect = cell.metadata.get("hypercell", {}).get("expect")
    if not expect:
        return ["its metadata does not say what must come out"]
    text = text_of(cell)
    found = [f"{wanted!r} is not in its output" for wanted in expect if wanted not in text]
    failed = any(output.output_type == "error" for output in cell.outputs)
    if failed != ("raises-exception" in cell.metadata.get("tags", [])):
        found.append("it failed" if failed else "it should have failed")
    return found


def execute(notebook: NotebookNode, kernel: str, folder: Path, out: Console) -> list[str]:
    """Run every cell, printing each with its outputs; returns the problems of all."""
    wrong: list[str] = []
    started = 0.0

    def begin(cell: NotebookNode, **_: object) -> None:
        nonlocal started
        if cell.cell_type == "code":
            out.print(Panel(Text(cell.source), expand=False))
        else:
            out.print(Markdown(cell.source))
        started = time.perf_counter()

    def end(cell: NotebookNode, **_: object) -> None:
        took = (time.perf_counter() - started) * 1e3
        for text in _texts(cell):
            out.print(Text.from_ansi(text.rstrip("\n")))
        out.print(f"{took:.0f} ms\n", style="dim")
        found = [f"cell {cell.execution_count}: {problem}" for problem in problems(cell)]
        for problem in found:
            out.print(f"UNEXPECTED: {problem}", style="bold red")
        wrong.extend(found)

    client = NotebookClient(
        notebook,
        kernel_name=kernel,
        timeout=CELL_SECONDS,
        allow_errors=True,  # a cell that fails against its metadata is found by `problems`
        record_timing=False,
        coalesce_streams=True,  # in the HTML; `end` comes before that
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=begin,
        on_cell_executed=end,
    )
    with tempfile.TemporaryFile() as log:  # warnings of the libraries at every start
        try:
            client.execute(stderr=log)
        except (CellControlSignal, DeadKernelError) as error:
            log.seek(0)
            wrong += [f"the kernel did not finish: {error}", log.read().decode(errors="replace")]
    return wrong


def write_html(notebook: NotebookNode, source: Path, target: Path) -> None:
    """A copy for the browser, with its pictures inside."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(embed_images=True)
    resources = {"metadata": {"path": str(source.parent), "name": source.stem}}
    body, _ = exporter.from_notebook_node(notebook, resources=resources)
    target.write_text(body)


def save(notebook: NotebookNode, target: Path) -> None:
    """Keep the outputs in the notebook itself; all else stays as it was."""
    before = nbformat.read(target, as_version=4)
    notebook.metadata = before.metadata  # without the version of this kernel
    nbformat.write(notebook, target)


def main() -> int:
    """Run the notebook that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--html", type=Path, help="leave a copy of what came out")
    parser.add_argument("--save", action="store_true", help="keep the outputs in the notebook")
    parser.add_argument("--kernel", default="hypercell")
    options = parser.parse_args()
    out = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 100)
    notebook = nbformat.read(options.notebook, as_version=4)
    wrong = execute(notebook, options.kernel, options.notebook.parent, out)
    if options.html:
        write_html(notebook, options.notebook, options.html)
        out.print(f"{options.html}: the same in a browser")
    if options.save and not wrong:
        save(notebook, options.notebook)
    for problem in wrong:
        sys.stderr.write(f"{options.notebook}: {problem}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
