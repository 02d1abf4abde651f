"""A notebook in a page, driven through the front end's own commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lab import Lab
from notebook_view import LAB, PANEL, NotebookView
from playwright.sync_api import BrowserContext

UNPROTECTED, PROTECTED, SCRIPTS = "python3", "hypercell", "hypercell-scripts"  # kernels


class NotebookPage(NotebookView):
    """One notebook and kernel; a test shows it the cells that it wants."""

    def __init__(
        self, context: BrowserContext, lab: Lab, kernel: str, front_end: str = LAB
    ) -> None:
        name = f"{kernel}-{front_end.partition('/')[0]}.ipynb"
        lab.notebook(name, kernel)
        super().__init__(context, lab, name, front_end)
        self.page.wait_for_function(f"{PANEL}.sessionContext.session?.kernel?.status == 'idle'")

    def show(self, cells: Sequence[str]) -> None:
        """Put these cells in the place of all others."""
        self.page.evaluate(
            f"""sources => {{
              const notebook = {PANEL}.content.model.sharedModel;
              const metadata = {{tags: ['raises-exception']}};  // the ones behind run as well
              const cells = sources.map(source => ({{cell_type: 'code', source, metadata}}));
              notebook.transact(() => {{
                notebook.deleteCellRange(0, notebook.cells.length);
                notebook.insertCells(0, cells);
              }});
            }}""",
            list(cells),
        )
        self.page.wait_for_function(f"{PANEL}.content.widgets.length == {len(cells)}")

    def run(self, *numbers: int) -> None:
        """Run cells, all of them if none is named, and wait for the last one's end."""
        if not numbers:
            self.run_command("notebook:run-all-cells")
        for number in numbers:
            self.page.evaluate(
                f"""number => {{
                  const notebook = {PANEL}.content;
                  notebook.activeCellIndex = number;
                  notebook.deselectAll();
                  return window.jupyterapp.commands.execute('notebook:run-cell');
                }}""",
                number,
            )

    def start(self, number: int) -> None:
        """Run a cell, and do not wait."""
        self.page.evaluate(
            f"""number => {{
              {PANEL}.content.activeCellIndex = number;
              window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            number,
        )

    def edit(self, number: int) -> None:
        """Put the cursor at the end of a cell."""
        self.page.evaluate(
            f"""number => {{
              const notebook = {PANEL}.content;
              notebook.activeCellIndex = number;
              notebook.mode = 'edit';
              const editor = notebook.widgets[number].editor;
              const text = notebook.widgets[number].model.sharedModel.getSource();
              editor.setCursorPosition({{line: 0, column: text.length}});
            }}""",
            number,
        )

    def write(self, number: int, source: str) -> None:
        """Make this the text of a cell, and put the cursor behind it."""
        self.page.evaluate(
            f"([number, source]) => {PANEL}.content.widgets[number].model.sharedModel"
            ".setSource(source)",
            [number, source],
        )
        self.edit(number)

    def save(self) -> None:
        """Write the notebook, as a reader does before closing it."""
        self.run_command("docmanager:save")

    def run_command(self, command: str) -> None:
        self.page.evaluate("command => window.jupyterapp.commands.execute(command)", command)

    def source(self, number: int) -> str:
        script = f"number => {PANEL}.content.widgets[number].model.sharedModel.getSource()"
        return str(self.page.evaluate(script, number))

    def count(self) -> int:
        """How many cells there are."""
        return int(self.page.evaluate(f"{PANEL}.content.widgets.length"))


class Open(Protocol):
    """Shows cells in the page of a kernel and front end."""

    def __call__(self, kernel: str, cells: Sequence[str], front_end: str = LAB) -> NotebookPage: ...
