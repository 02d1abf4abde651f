"""Every promise of docs/security.md has tests, and they exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(r"^\| P(\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def promises() -> list[tuple[int, str, str]]:
    return [(int(number), text, tests) for number, text, tests in ROW.findall(PAGE.read_text())]


def functions(path: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)}


def test_promises_are_numbered_without_gaps() -> None:
    numbers = [number for number, _, _ in promises()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 20


def test_every_row_is_read() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| P")]
    assert len(rows) == len(promises())


def test_every_promise_has_tests_that_exist() -> None:
    for number, text, tests in promises():
        found = TEST.findall(tests)
        assert found, f"P{number} ({text}) names no test"
        assert len(found) == tests.count("::"), f"P{number} names a test in another way"
        for name, function in found:
            assert function.startswith("test_"), f"P{number}: {function}"
            assert (ROOT / name).is_file(), f"P{number}: there is no {name}"
            assert function in functions(ROOT / name), f"P{number}: {name} has no {function}"
