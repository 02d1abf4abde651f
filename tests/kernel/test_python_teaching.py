"""Notebooks of ordinary teaching Python run unchanged, and give what CPython on this machine gives.

The oracle is another version of CPython: the notebooks of ``teaching/`` keep to what must agree.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from python_session import hypervisor_fixture, session_fixture  # noqa: F401 (fixtures)

from hypercell.kernel.session import Session
from hypercell.kernel.traceback_text import error_name, summary

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTEBOOKS = sorted((Path(__file__).parent / "teaching").glob("*.py"))

# Runs cells as a notebook does: one namespace, the value of a last expression as IPython shows it.
ORACLE = """
import ast, contextlib, io, json, sys, types
from IPython.lib.pretty import pretty

def run(cell, names):
    out, shown, error = io.StringIO(), "", None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            tree = ast.parse(cell)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec", 0, True), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<cell>", "eval", 0, True), names)
                shown = "" if value is None else pretty(value)
        except BaseException as failed:
            error = [type(failed).__name__, str(failed)]
    return out.getvalue(), shown, error

main = sys.modules["__main__"] = types.ModuleType("__main__")
json.dump([run(cell, main.__dict__) for cell in json.load(sys.stdin)], sys.stdout)
"""
OTHER_MESSAGE = "# another version or system says it with other words"


def cells_of(notebook: Path) -> list[str]:
    return [cell.lstrip("\n") for cell in notebook.read_text().split("# %%")[1:]]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
async def test_a_notebook_gives_what_cpython_gives(
    session: Session, notebook: Path, tmp_path: Path
) -> None:
    cells = cells_of(notebook)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-I", "-c", ORACLE],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    for cell, (stdout, shown, error) in zip(cells, json.loads(done.stdout), strict=True):
        result = await session.execute(cell)
        failed = None
        if result.error is not None:
            failed = [error_name(result.error), summary(result.error)]
            if cell.startswith(OTHER_MESSAGE):
                failed, error = failed[:1], error[:1]
        assert [result.stdout.decode(), result.text, failed] == [stdout, shown, error], cell
