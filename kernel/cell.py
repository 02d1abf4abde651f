"""Reads the text of a notebook cell: line magics, then one cell magic or plain source.

::

    %limits                       line magics, up to MAX_MAGICS, then
    %%c -O2 --timeout 5           a cell magic with options (the first line that is no line magic)
    int main(void) { … }          the source; without a magic it is in the default language
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import msgspec

from hypercell.kernel.errors import UsageError
from hypercell.kernel.languages.base import Cell, Language
from hypercell.kernel.option_parser import parse_options, split_words
from hypercell.kernel.suggest import did_you_mean

MAX_TEXT = 4 << 20  # characters of one cell
MAX_MAGICS = 200  # lines: the kernel process itself runs them
FILE_MAGIC = "file"
FILE_MAGICS = (FILE_MAGIC, "writefile")  # the second is what IPython calls it
_LINE = re.compile(r"\s*%(?!%)\s*(\S*)(.*)")
_CELL = re.compile(r"\s*%%\s*(\S*)(.*)")


class LineMagic(msgspec.Struct, frozen=True):
    """``%name words``; ``line`` counts from 1."""

    name: str
    words: tuple[str, ...]
    line: int


class FileWrite(msgspec.Struct, frozen=True):
    """``%%file NAME``: the rest of the cell goes into a file of ``/home``."""

    name: str
    text: str
    append: bool = False


class Parsed(msgspec.Struct, frozen=True):
    """What a cell asks for, in this order."""

    lines: tuple[LineMagic, ...]
    body: Cell | FileWrite | None


def parse_cell(
    text: str, *, languages: Mapping[str, Language], default: str, label: str = "cell"
) -> Parsed:
    """Read a cell. UsageError says what is wrong; which line magics exist is not checked here."""
    if len(text) > MAX_TEXT:
        raise UsageError(
            f"the cell has {len(text)} characters; {MAX_TEXT} is the most",
            hint="put data into /home with a program, or split the cell",
        )
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    magics: list[LineMagic] = []
    remarks = hasattr(languages.get(default), "line_magics")  # "#" is no #include there
    for index, line in enumerate(lines):
        if not line.strip() or (remarks and line.lstrip().startswith("#")):
            continue
        if match := _CELL.fullmatch(line.rstrip("\r\n")):
            if match[1] in _own(languages, default, "cell_magics"):
                source = "".join(lines[index:])
                cell = Cell(source, default, first_line=index + 1, label=label)
                return Parsed(tuple(magics), cell)
            source = "".join(lines[index + 1 :])
            body = _magic(match[1], match[2], source, index + 2, languages, label)
            return Parsed(tuple(magics), body)
        match = _LINE.fullmatch(line.rstrip("\r\n"))
        if match and match[1].rstrip("?") not in _own(languages, default, "line_magics"):
            asked = match[1].rstrip("?")
            words = (asked,) if asked != match[1] else tuple(split_words(match[2]))
            name = match[1] if asked == match[1] else "help"  # %files?
            magics.append(LineMagic(name, words, index + 1))
            if len(magics) > MAX_MAGICS:
                raise UsageError(
                    f"the cell has more than {MAX_MAGICS} line magics", hint="split the cell"
                )
            continue
        if not magics:
            index = 0  # blank lines in front are part of the source
        source = "".join(lines[index:])
        if default not in languages:
            raise UsageError(
                f"the configured default language {default!r} does not exist",
                hint=did_you_mean(default, languages, what="languages"),
            )
        return Parsed(tuple(magics), Cell(source, default, first_line=index + 1, label=label))
    return Parsed(tuple(magics), None)


def _own(languages: Mapping[str, Language], default: str, kind: str) -> Collection[str]:
    """The magics that cells in the default language run themselves: they are its source."""
    language = languages.get(default)
    own: Collection[str] = getattr(language, kind, ())
    return {*own, *getattr(language, "absent_magics", ())}


def _magic(
    name: str,
    rest: str,
    source: str,
    first_line: int,
    languages: Mapping[str, Language],
    label: str,
) -> Cell | FileWrite:
    words = split_words(rest)
    if name in FILE_MAGICS:
        return _file(words, source)
    if name not in languages:
        known = [f"%%{known}" for known in (*languages, *FILE_MAGICS)]
        if not name:
            raise UsageError("a language is missing behind %%", hint=f"known: {', '.join(known)}")
        raise UsageError(f"there is no magic %%{name}", hint=did_you_mean(f"%%{name}", known))
    options = parse_options(words, languages[name])
    return Cell(source, name, options, first_line, options.name or label)


def _file(words: list[str], source: str) -> FileWrite:
    append = "-a" in words
    names = [word for word in words if word != "-a"]
    unknown = [word for word in names if word.startswith("-")]
    if unknown:
        raise UsageError(f"%%file has no option {unknown[0]}", hint="%%file [-a] NAME")
    if len(names) != 1:
        raise UsageError(
            f"%%file takes one name, not {len(names)}",
            hint="%%file [-a] NAME writes the rest of the cell into /home/NAME; -a appends",
        )
    if source and not source.endswith("\n"):
        source += "\n"
    return FileWrite(names[0], source, append)
