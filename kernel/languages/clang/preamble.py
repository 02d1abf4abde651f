"""The standard headers that a cell begins with, for clang to read before it has the cell.

clang compiles a stub: these ``#include`` lines, then ``#include`` of the cell, in which they stand
again and do nothing. What can tell a stub from a source is kept out: then the cell itself is what
clang compiles. Which of both depends on text and flags only, so objects are always the same.
"""

from __future__ import annotations

import posixpath
import re

from hypercell.kernel.languages.clang import commands, headers
from hypercell.kernel.languages.clang.flags import Flags
from hypercell.kernel.languages.clang.tool_run import File
from hypercell.kernel.languages.clang.tools import Begin

_INCLUDE = re.compile(r"[ \t]*#[ \t]*include[ \t]*<([\w./]+)>[ \t]*(?://.*)?")
_NOTHING = re.compile(r'[ \t]*(?://.*)?|#line \d+ "[^"]*"')
_TELLS = re.compile(
    rb"__(?:BASE_FILE|INCLUDE_LEVEL|COUNTER|TIMESTAMP)__|include_next|#\s*import|pragma\s+once"
    rb"|main_file"
)
_SENSITIVE = ("-W", "-w", "-pedantic", "-include", "-imacros")  # warnings differ in included files
_PLACES = ("-I", "-iquote", "-isystem", "-idirafter", "-include", "-imacros")
_LONGEST = 64


def begin(path: str, source: bytes, flags: Flags) -> Begin:
    """How to begin the compile of a file below ``/home``."""
    full = posixpath.join(commands.HOME, path)
    if path != commands.CELL or _TELLS.search(source) or _is_sensitive(flags):
        return direct(path, flags)
    text = "".join(f"#include <{header}>\n" for header in leading_headers(source))
    stub = File(
        posixpath.join(commands.HOME, commands.STUB),
        f'{text}#include "{commands.CELL}"\n'.encode(),
    )
    return Begin(commands.compile_line(commands.STUB, flags), full, (stub,))


def direct(path: str, flags: Flags) -> Begin:
    """To begin without a stub."""
    return Begin(commands.compile_line(path, flags), posixpath.join(commands.HOME, path))


def looks_into_home(begin: Begin) -> bool:
    """Whether clang looks for files of ``/home`` before it wants the cell: it asks at once which
    directories exist, and a snapshot would keep the answer."""
    return any(word.startswith(_PLACES) for word in begin.line)


def leading_headers(source: bytes) -> list[str]:
    """The standard headers that the source includes before anything else."""
    known = headers.standard()
    found: dict[str, None] = {}
    for line in source.decode("utf-8", "replace").splitlines()[:_LONGEST]:
        include = _INCLUDE.fullmatch(line)
        if include and include[1] in known:
            found[include[1]] = None
        elif not _NOTHING.fullmatch(line):
            break
    return list(found)


def _is_sensitive(flags: Flags) -> bool:
    return any(word.startswith(_SENSITIVE) for word in flags.compile)
