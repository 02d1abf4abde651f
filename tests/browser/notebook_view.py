"""A notebook in a page of JupyterLab or Jupyter Notebook, as its reader sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab import TOKEN, Lab
from playwright.sync_api import BrowserContext, Frame

LAB, NOTEBOOK = "lab/tree", "notebooks"  # front ends: where their pages are on the server
FRONT_ENDS = (LAB, NOTEBOOK)
PANEL = "window.jupyterapp.shell.currentWidget"
_MILLISECONDS = 240_000


class NotebookView:
    """A saved notebook in a page of its own; nothing is run."""

    def __init__(self, context: BrowserContext, lab: Lab, name: str, front_end: str = LAB) -> None:
        self.name = name
        self.page = context.new_page()
        self.page.set_default_timeout(_MILLISECONDS)
        self.page.goto(f"{lab.url}{front_end}/{name}?token={TOKEN}&reset")
        cells = lab.cells(name)
        self.page.wait_for_function(
            f"window.jupyterapp && {PANEL}?.content?.widgets?.length == {cells}"
        )

    @property
    def trusted(self) -> bool:
        """Whether the front end takes the outputs for its reader's own."""
        script = f"{PANEL}.content.widgets.every(cell => cell.model.trusted)"
        return bool(self.page.evaluate(script))

    def settle(self, milliseconds: int = 1500) -> None:
        """Let the page do what it is about to do: load pictures, run what it was told to run."""
        self.page.wait_for_timeout(milliseconds)

    def settle_until(self, done: Callable[[], bool]) -> None:
        """Let the page do what it is known to do, however slow the machine is."""
        for _ in range(_MILLISECONDS // 100):
            if done():
                return
            self.page.wait_for_timeout(100)

    def evaluate(self, number: int, script: str) -> Any:
        """``script``: a function of the element of a cell's outputs."""
        return self.page.evaluate(
            f"([number, script]) => eval(script)({PANEL}.content.widgets[number].outputArea.node)",
            [number, script],
        )

    def text(self, number: int) -> str:
        """What a reader sees of a cell's outputs."""
        return str(self.evaluate(number, "node => node.innerText"))

    def html(self, number: int) -> str:
        return str(self.evaluate(number, "node => node.innerHTML"))

    def outputs(self, number: int) -> list[dict[str, Any]]:
        """A cell's outputs as they would be saved."""
        script = f"number => {PANEL}.content.widgets[number].model.outputs.toJSON()"
        found: list[dict[str, Any]] = self.page.evaluate(script, number)
        return found

    def frames(self) -> list[Frame]:
        """Frames within the page."""
        return [frame for frame in self.page.frames if frame is not self.page.main_frame]
