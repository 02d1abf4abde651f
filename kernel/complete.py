"""Completion: magics, options and their values, files of /home, the words of a language."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from hypercell.kernel.cell import FILE_MAGIC, FILE_MAGICS
from hypercell.kernel.languages.base import Language, OptionHelp
from hypercell.kernel.magics import MAGICS
from hypercell.kernel.option_parser import COMMON, PER_LANGUAGE

_INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]*)$')
_CODE_WORD = re.compile(r"[\w.$]*$")
_WORD = re.compile(r"\S*$")
_MOST = 500


class Completion(msgspec.Struct, frozen=True):
    """``matches`` replace the text between ``start`` and ``end``."""

    matches: tuple[str, ...]
    start: int
    end: int
    in_code: bool = False  # not in a magic: the language itself may know more


def complete(
    code: str,
    cursor: int,
    *,
    languages: Mapping[str, Language],
    default: str,
    files: Collection[str] = (),
    lines: Collection[str] = (),
) -> Completion:
    """What could stand at ``cursor`` (a count of characters). ``lines``: of states."""
    cursor = max(0, min(cursor, len(code)))
    start = code.rfind("\n", 0, cursor) + 1
    line = code[start:cursor]
    word = _WORD.search(line)
    text = word[0] if word else ""
    stripped = line.lstrip()
    in_code = False
    found: Collection[str]
    language = language_of(code, languages, default)
    own = getattr(language, "line_magics", {})
    if stripped.startswith("%%"):
        found = [*_cell_magic(stripped, text, languages, files)]
        if text.startswith("%%"):
            found += [f"%%{name}" for name in getattr(languages.get(default), "cell_magics", ())]
    elif stripped.startswith("%") and _name_of(stripped) in own and stripped != text:
        in_code = not any(word in own[_name_of(stripped)] for word in ("FILE", "PATH", "DIRECT"))
        found = files
    elif stripped.startswith("%") and (own or not code[:start].strip().startswith("%%")):
        found = [*_line_magic(stripped, text, languages, files, lines)]
        if stripped == text:
            found += [f"%{name}" for name in own]
    else:
        in_code = True
        include = _INCLUDE.match(line)
        if include:
            text, found = include[1], files
        else:
            code_word = _CODE_WORD.search(line)
            text = code_word[0] if code_word else ""
            attribute = bool(own) and "." in text
            text = text.rpartition(".")[2] if attribute else text
            found = language.keywords if language and text and not attribute else ()
    matches = sorted({item for item in found if item.startswith(text)})
    return Completion(tuple(matches[:_MOST]), cursor - len(text), cursor, in_code)


def language_of(code: str, languages: Mapping[str, Language], default: str) -> Language | None:
    """The language that the cell's magic names, else the default."""
    for line in code.splitlines():
        if match := re.match(r"\s*%%\s*(\w+)", line):
            own = getattr(languages.get(default), "cell_magics", ())
            return languages.get(default if match[1] in own else match[1])
        if line.strip() and not line.lstrip().startswith("%"):
            break
    return languages.get(default)


def _name_of(line: str) -> str:
    return line.split()[0].removeprefix("%")


def _cell_magic(
    line: str, word: str, languages: Mapping[str, Language], files: Collection[str]
) -> Iterable[str]:
    words = line.split()
    if len(words) <= 1 and word:
        return [f"%%{name}" for name in (*languages, *FILE_MAGICS)]
    name = words[0].removeprefix("%%")
    if name in FILE_MAGICS:
        return [*files, "-a"]
    language = languages.get(name)
    if language is None:
        return []
    before = words[-2] if word else words[-1]
    if before == "--add":
        return files
    if before in COMMON and COMMON[before][0]:
        return []
    for option in language.options:
        if option.name == before and option.metavar and not _joined(option):
            return files if option.metavar == "FILE" else option.values
    return options_of(language)


def options_of(language: Language) -> list[str]:
    """Every option that a language takes, and values that are written together with theirs."""
    found = [name for name in COMMON if name not in PER_LANGUAGE or name in language.common]
    for option in language.options:
        found.append(option.name)
        if _joined(option):
            found += [option.name + value for value in option.values]
    return found


def _joined(option: OptionHelp) -> bool:
    """Whether the value is written without a space, as in ``-O2`` and ``-std=c23``."""
    return option.name.endswith("=") or not option.name.startswith("--")


def _line_magic(
    line: str,
    word: str,
    languages: Mapping[str, Language],
    files: Collection[str],
    lines: Collection[str],
) -> Iterable[str]:
    words = line.split()
    if len(words) <= 1 and word:
        found = [f"%{name}" for name in MAGICS]
        return found + [f"%%{name}" for name in (*languages, *FILE_MAGICS)]
    magic = MAGICS.get(words[0].removeprefix("%"))
    if magic is None:
        return []
    if magic.files:
        return files
    if len(words) - bool(word) == 1:
        return lines if magic.lines else magic.first or _topics(magic.name, languages)
    return []


def _topics(name: str, languages: Mapping[str, Language]) -> Collection[str]:
    return [*languages, *MAGICS, FILE_MAGIC, *COMMON] if name == "help" else []
