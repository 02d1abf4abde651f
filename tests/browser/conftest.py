"""One JupyterLab and one headless Chromium for all tests of this room.

They end with the room: Playwright keeps an event loop running, beside which no other can run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import chromium
import pytest
from attacking import Attacked, Seen, attack
from lab import Lab, Listener
from notebook_page import PROTECTED, SCRIPTS, UNPROTECTED, NotebookPage, Open
from notebook_view import LAB
from playwright.sync_api import BrowserContext, sync_playwright

from hypercell.kernel.kernelspec import install

_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
_CONFIG = 'language = "python"\n'


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server with three kernels: ipykernel, Hypercell, and Hypercell with scripts allowed."""
    directory = tmp_path_factory.mktemp("lab")
    spec = install(prefix=str(directory / "prefix"))
    (directory / "config.toml").write_text(_CONFIG)
    scripts = directory / "scripts.toml"
    scripts.write_text(f"{_CONFIG}[output]\nscripts = true\n")
    _copy(spec, spec.with_name(SCRIPTS), scripts)
    environment = {
        "JUPYTER_PATH": str(spec.parents[1]),
        "HYPERCELL_CONFIG": str(directory / "config.toml"),
    }
    made = Lab(directory, environment)
    yield made
    made.close()


def _copy(spec: Path, to: Path, config: Path) -> None:
    kernel = json.loads((spec / "kernel.json").read_text())
    kernel["display_name"] = to.name
    kernel["env"] = {"HYPERCELL_CONFIG": str(config)}
    to.mkdir()
    (to / "kernel.json").write_text(json.dumps(kernel))


@pytest.fixture(scope="package")
def context() -> Iterator[BrowserContext]:
    """A browser that knows no one."""
    found = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.path, env=dict(found.environment), args=_FLAGS
        )
        yield browser.new_context(viewport={"width": 1200, "height": 900})
        browser.close()


@pytest.fixture(scope="package")
def open_notebook(context: BrowserContext, lab: Lab) -> Open:
    """A page with these cells; there is one for each kernel and front end."""
    pages: dict[tuple[str, str], NotebookPage] = {}

    def make(kernel: str, cells: Sequence[str], front_end: str = LAB) -> NotebookPage:
        key = (kernel, front_end)
        if key not in pages:
            pages[key] = NotebookPage(context, lab, kernel, front_end)
        pages[key].show(cells)
        return pages[key]

    return make


@pytest.fixture(scope="module")
def raw(open_notebook: Open, request: pytest.FixtureRequest) -> NotebookPage:
    """The module's ``CELLS`` as ipykernel shows them."""
    return _shown(open_notebook, UNPROTECTED, request.module.CELLS)


@pytest.fixture(scope="module")
def ours(open_notebook: Open, request: pytest.FixtureRequest) -> NotebookPage:
    """The module's ``CELLS`` as Hypercell shows them."""
    return _shown(open_notebook, PROTECTED, request.module.CELLS)


def _shown(open_notebook: Open, kernel: str, cells: Sequence[str]) -> NotebookPage:
    page = open_notebook(kernel, cells)
    page.run()
    page.settle()
    return page


@pytest.fixture(scope="package")
def listeners() -> Iterator[dict[tuple[str, str], Listener]]:
    """The listeners that the attacks of each kernel and front end call."""
    made: dict[tuple[str, str], Listener] = {}
    yield made
    for listener in made.values():
        listener.close()


@pytest.fixture(scope="package")
def attacked(open_notebook: Open, lab: Lab, listeners: dict[tuple[str, str], Listener]) -> Attacked:
    """Runs the attacks of a front end in a kernel, once."""
    seen: dict[tuple[str, str], Seen] = {}

    def make(kernel: str, front_end: str) -> Seen:
        key = (kernel, front_end)
        if key not in seen:
            listeners[key] = Listener()
            seen[key] = attack(open_notebook, lab, listeners[key], kernel, front_end)
        return seen[key]

    return make
