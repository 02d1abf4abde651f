"""Targets: text of a cell, and text that comes back from compilers and from Python's VM."""

from __future__ import annotations

import json

from target import Target

from hypercell.kernel.cell import parse_cell
from hypercell.kernel.is_complete import is_complete
from hypercell.kernel.languages import python_reply
from hypercell.kernel.languages.clang import dependencies, diagnostics
from hypercell.kernel.languages.clang.implicit_main import translation_unit
from hypercell.kernel.languages.registry import languages
from hypercell.kernel.result import Clear, Display, Event, Stream
from hypercell.kernel.safe_text import safe_name, safe_stream, safe_text
from hypercell.vmm import abi


def _text(data: bytes) -> str:
    """Any text that JSON may hold, half surrogate pairs too."""
    return data.decode("utf-8", "surrogateescape")


def _cell(data: bytes) -> None:
    parse_cell(_text(data), languages=languages(), default="python")


def _complete(data: bytes) -> None:
    status, _ = is_complete(_text(data), languages=languages(), default="c")
    assert status in ("complete", "incomplete", "invalid")


def _c_source(data: bytes) -> None:
    unit = translation_unit(data.decode("utf-8", "replace"), 1)
    assert len(unit) < 8 * len(data) + 20_000


def _diagnostics(data: bytes) -> None:
    text = diagnostics.of_compiler(data)
    diagnostics.compile_error(text)
    diagnostics.link_error(diagnostics.of_linker(data, {"/home/cell.o": "cell"}))


def _rule(data: bytes) -> None:
    for path in dependencies.read_rule(data.decode("utf-8", "replace")):
        dependencies.below_home(path)


def _ended(data: bytes) -> None:
    error = python_reply.ended(_text(data))
    if error is not None:
        assert safe_name(type(error).__name__)


def _display(data: bytes) -> None:
    """The stream in two pieces: records are put together again."""
    seen: list[Event] = []
    listen = python_reply.Listener(seen.append)
    cut = data[0] if data else 0
    listen(abi.STREAM_DISPLAY, data[1 : 1 + cut])
    listen(abi.STREAM_DISPLAY, data[1 + cut :])
    for event in seen:
        assert isinstance(event, Display | Clear | Stream)
        assert not isinstance(event, Display) or isinstance(event.data["text/plain"], str)


def _shown(data: bytes) -> None:
    text = data.decode("utf-8", "replace")  # as streams and replies are decoded
    for shown in (safe_text(text), safe_stream(text), safe_name(text)):
        shown.encode()
        assert not any(ord(char) < 32 and char not in "\n\t\r\b\x1b" for char in shown)


def _record(value: object) -> bytes:
    data = json.dumps(value).encode()
    return b"\x09" + len(data).to_bytes(4, "little") + data


_CELLS = (
    b"%%c -O2 --timeout 5 --mem 64M --args 'a b' --env K=V\nint main(void) { return 0; }\n",
    b"%files\n%undo 2\nprint(1)\n",
    b"%%wat --invoke add 2 -3 --fresh\n(module)\n",
    b"%%file lib/a.h\nint x;\n",
    b"%%python --name x\n\n'''\xed\xa0\x80'''",
)
_SOURCES = (
    b'#include <stdio.h>\nstruct a { int b; };\nint f(int x) { return x; }\nprintf("%d", f(1));\n',
    b"int a[] = {1, 2}; for (int i = 0; i < 2; i++) { if (a[i]) break; else continue; }\n",
    b"typedef int (*fn)(void); enum { A, B = 3 }; static fn g; do { g(); } while (0);\n// end",
    b"char *s = \"a\\\"b\"; char c = '\\''; /* open",
)

TARGETS = (
    Target("cell", _cell, _CELLS),
    Target("is_complete", _complete, (*_CELLS, *_SOURCES)),
    Target("c_source", _c_source, _SOURCES),
    Target(
        "diagnostics",
        _diagnostics,
        (
            b"cell:1:2: error: use of undeclared identifier 'x'\n  1 | x\n    | ^\n",
            b"wasm-ld: error: /home/cell.o: undefined symbol: fork\n",
        ),
    ),
    Target("dependency_rule", _rule, (b"cell.o: /home/a\\ b.h \\\n  /usr/include/c.h\n",)),
    Target(
        "python_reply",
        _ended,
        (
            b'{"status":"ok"}',
            b'{"status":"error","ename":"ValueError","evalue":"x","traceback":"t"}',
        ),
    ),
    Target(
        "display_records",
        _display,
        (
            _record({"kind": "display", "data": {"text/plain": "x", "image/png": "iVBORw0KGgo="}}),
            _record({"kind": "clear", "wait": True}) + _record({"kind": "result", "data": {}})[1:],
        ),
    ),
    Target("shown_text", _shown, (b"a\x1b[31mred\x1b[0m\r\n\x07\xe2\x80\xae", b"\xed\xa0\x80")),
)
