"""Each attack has a file of its own, which says what it has and tries, and who must stop it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from layers import Layer

HERE = Path(__file__).parent
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
