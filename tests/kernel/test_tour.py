"""The notebooks, run as a visitor runs them: nbclient through run.py, and jupyter nbconvert."""

import copy
import json
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOUR = ROOT / "notebooks" / "tour.ipynb"
PYTHON = ROOT / "notebooks" / "python.ipynb"
RUN = ROOT / "notebooks" / "run.py"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where Jupyter finds the kernelspec of this environment, whatever else is installed."""
    import os

    from hypercell.kernel.kernelspec import install

    prefix = tmp_path_factory.mktemp("jupyter")
    install(prefix=str(prefix))
    return {**os.environ, "JUPYTER_PATH": str(prefix / "share" / "jupyter")}


def run(notebook: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(RUN),
        str(notebook),
        "--html",
        str(notebook.with_suffix(".html")),
    ]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=550, check=False
    )


def test_every_cell_gives_what_it_says(tmp_path: Path, environment: dict[str, str]) -> None:
    notebook = tmp_path / "tour.ipynb"
    text = TOUR.read_text().replace("../docs/", f"{ROOT}/docs/")
    notebook.write_text(text)
    done = run(notebook, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello from a micro-VM!" in done.stdout
    page = notebook.with_suffix(".html").read_text()
    assert "Hello from a micro-VM!" in page
    assert "data:image/svg+xml" in page
    assert "data:image/png" in page


def test_every_cell_of_the_python_notebook_gives_what_it_says(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    notebook = tmp_path / "python.ipynb"
    notebook.write_text(PYTHON.read_text().replace("../docs/", f"{ROOT}/docs/"))
    done = run(notebook, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    page = notebook.with_suffix(".html").read_text()
    assert page.count("only this is left") == 2  # in the source, and in what came of it
    assert "<script>fetch(" not in page
    assert '<img src="x"' not in page
    assert "On Computable Numbers</td>" in page


def test_an_unexpected_result_is_an_error(tmp_path: Path, environment: dict[str, str]) -> None:
    tour = nbformat.read(TOUR, as_version=4)
    cells = [cell for cell in tour.cells if cell.cell_type == "code"]
    hello, failing = (
        cells[0],
        next(c for c in cells if "raises-exception" in c.metadata.get("tags", [])),
    )
    wrong = copy.deepcopy(hello)
    wrong.metadata["hypercell"] = {"expect": ["Goodbye"]}
    fails = copy.deepcopy(failing)
    fails.metadata["tags"] = []
    works = copy.deepcopy(hello)
    works.metadata["tags"] = ["raises-exception"]
    silent = copy.deepcopy(hello)
    del silent.metadata["hypercell"]
    for number, cell in enumerate(cells := [wrong, fails, works, silent]):
        cell["id"] = f"cell-{number}"
    tour.cells = cells
    notebook = tmp_path / "wrong.ipynb"
    nbformat.write(tour, notebook)
    done = run(notebook, environment)
    assert done.returncode == 1
    problems = done.stderr.splitlines()
    assert any("'Goodbye' is not in its output" in line for line in problems)
    assert any("cell 2: it failed" in line for line in problems)
    assert any("cell 3: it should have failed" in line for line in problems)
    assert any("cell 4: its metadata does not say" in line for line in problems)


def test_nbconvert_executes_the_tour(tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"),
            *("--output-dir", str(tmp_path), str(TOUR)),
        ],
        capture_output=True,
        text=True,
        env=environment,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    executed = json.loads((tmp_path / "tour.ipynb").read_text())
    counts = [c["execution_count"] for c in executed["cells"] if c["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", [TOUR, PYTHON], ids=lambda path: path.stem)
def test_a_committed_notebook_shows_what_its_cells_give(path: Path) -> None:
    """For readers who do not run it: `run.py --save` makes the outputs."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    problems = runpy.run_path(str(RUN))["problems"]
    assert [found for cell in code for found in problems(cell)] == []
    for cell in code:
        assert set(cell.metadata) <= {"hypercell", "tags"}
        for output in cell.outputs:
            assert set(output.get("data", {})) <= {"text/plain", "text/html", "image/png"}
    assert len(path.read_bytes()) < 200_000
    assert str(Path.home()) not in path.read_text()
    assert str(ROOT) not in path.read_text()
