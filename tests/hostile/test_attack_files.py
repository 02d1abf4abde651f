"""Each attack has a file of its own, which says what it has and tries, and who must stop it."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import aftermath as checks
import pytest
from layers import Layer

HERE = Path(__file__).parent
# One of several: such a test must say why.
_SEVERAL = (ast.Tuple, ast.BinOp)
_ANYTHING = {"HypercellError", "GuestError", "Exception"}  # no error is that vague
FILES = sorted(HERE.glob("*/test_*.py"))


def test_there_are_many() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_says_what_it_does_and_is_followed_by_the_checks(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert "\n\nHas: " in (ast.get_docstring(tree) or "")
    named = [
        {element.attr for element in node.value.elts if isinstance(element, ast.Attribute)}
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "STOPPED_BY"
        and isinstance(node.value, ast.Tuple)
    ]
    assert len(named) == 1
    assert named[0]
    assert named[0] <= set(Layer.__members__)
    tests = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert tests
    for test in tests:  # these two fixtures check what must hold after any attack
        assert {"attack", "cell"} & {argument.arg for argument in test.args.args}, test.name


def _errors(call: ast.Call) -> ast.expr | None:
    """What a call takes as the error that it expects."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("fails", "raises", "suppress") and call.args:
        several = len(call.args) > 1 and name == "suppress"
        return ast.Tuple(call.args, ast.Load()) if several else call.args[0]
    if name in ("isinstance", "refused", "forged") and len(call.args) > 1:
        return call.args[1]
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_knows_its_error(path: Path) -> None:
    for test in ast.walk(ast.parse(path.read_text())):
        if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_"):
            continue
        for call in ast.walk(test):
            error = _errors(call) if isinstance(call, ast.Call) else None
            if error is None:
                continue
            names = {name.id for name in ast.walk(error) if isinstance(name, ast.Name)}
            assert not names & _ANYTHING, (test.name, names)
            if isinstance(error, _SEVERAL):
                assert ast.get_docstring(test), f"{test.name} may end in several ways: why?"


def test_the_checks_see_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_PASSING", 0.0)
    aftermath = checks.Aftermath((), tmp_path)
    descriptor = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(AssertionError, match="/dev/null"):
        aftermath.check_held()
    os.close(descriptor)
    aftermath.check_held()
    (tmp_path / "planted").touch()
    with pytest.raises(AssertionError, match="planted"):
        aftermath.check_held()
