"""A notebook in a page of JupyterLab, driven through Lab's own commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lab import TOKEN, Lab
from playwright.sync_api import BrowserContext, Frame

UNPROTECTED, PROTECTED, SCRIPTS = "python3", "hypercell", "hypercell-scripts"  # kernels
_PANEL = "window.jupyterapp.shell.currentWidget"
_MILLISECONDS = 60_000


class NotebookPage:
    """One notebook and kernel; a test shows it the cells that it wants."""

    def __init__(self, context: BrowserContext, lab: Lab, kernel: str) -> None:
        self.name = f"{kernel}.ipynb"
        lab.notebook(self.name, kernel)
        self.page = context.new_page()
        self.page.set_default_timeout(_MILLISECONDS)
        self.page.goto(f"{lab.url}lab/tree/{self.name}?token={TOKEN}&reset")
        self.page.wait_for_function(
            f"window.jupyterapp && {_PANEL}?.content?.widgets?.length == 1"
            f" && {_PANEL}.sessionContext.session?.kernel?.status == 'idle'"
        )

    def show(self, cells: Sequence[str]) -> None:
        """Put these cells in the place of all others."""
        self.page.evaluate(
            f"""sources => {{
              const notebook = {_PANEL}.content.model.sharedModel;
              const cells = sources.map(source => ({{cell_type: 'code', source}}));
              notebook.transact(() => {{
                notebook.deleteCellRange(0, notebook.cells.length);
                notebook.insertCells(0, cells);
              }});
            }}""",
            list(cells),
        )
        self.page.wait_for_function(f"{_PANEL}.content.widgets.length == {len(cells)}")

    def run(self, *numbers: int) -> None:
        """Run cells, all of them if none is named, and wait for the last one's end."""
        which = list(numbers) or "all"
        self.page.evaluate(
            f"""async (which) => {{
              const panel = {_PANEL}, notebook = panel.content;
              const chosen = which === 'all' ? notebook.widgets.keys() : which;
              for (const number of chosen) {{
                notebook.activeCellIndex = number;
                notebook.deselectAll();
                await window.jupyterapp.commands.execute('notebook:run-cell');
              }}
            }}""",
            which,
        )

    def start(self, number: int) -> None:
        """Run a cell, and do not wait."""
        self.page.evaluate(
            f"""number => {{
              {_PANEL}.content.activeCellIndex = number;
              window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            number,
        )

    def edit(self, number: int) -> None:
        """Put the cursor at the end of a cell."""
        self.page.evaluate(
            f"""number => {{
              const notebook = {_PANEL}.content;
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
            f"([number, source]) => {_PANEL}.content.widgets[number].model.sharedModel"
            ".setSource(source)",
            [number, source],
        )
        self.edit(number)

    def run_command(self, command: str) -> None:
        self.page.evaluate("command => window.jupyterapp.commands.execute(command)", command)

    def settle(self, milliseconds: int = 1500) -> None:
        """Let the page do what it is about to do: load pictures, run what it was told to run."""
        self.page.wait_for_timeout(milliseconds)

    def evaluate(self, number: int, script: str) -> Any:
        """``script``: a function of the element of a cell's outputs."""
        return self.page.evaluate(
            f"([number, script]) => eval(script)({_PANEL}.content.widgets[number].outputArea.node)",
            [number, script],
        )

    def text(self, number: int) -> str:
        """What a reader sees of a cell's outputs."""
        return str(self.evaluate(number, "node => node.innerText"))

    def html(self, number: int) -> str:
        return str(self.evaluate(number, "node => node.innerHTML"))

    def source(self, number: int) -> str:
        script = f"number => {_PANEL}.content.widgets[number].model.sharedModel.getSource()"
        return str(self.page.evaluate(script, number))

    def count(self) -> int:
        """How many cells there are."""
        return int(self.page.evaluate(f"{_PANEL}.content.widgets.length"))

    def outputs(self, number: int) -> list[dict[str, Any]]:
        """A cell's outputs as they would be saved."""
        script = f"number => {_PANEL}.content.widgets[number].model.outputs.toJSON()"
        found: list[dict[str, Any]] = self.page.evaluate(script, number)
        return found

    def frames(self) -> list[Frame]:
        """Frames within the page."""
        return [frame for frame in self.page.frames if frame is not self.page.main_frame]


Open = Callable[[str, Sequence[str]], NotebookPage]  # kernel, cells
