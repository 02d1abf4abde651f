"""Reads the words behind ``%%lang`` into ``Options``: the same names for every language."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hypercell.kernel.errors import UsageError
from hypercell.kernel.options import Invocation, Options
from hypercell.kernel.sizes import parse_size
from hypercell.kernel.suggest import did_you_mean

if TYPE_CHECKING:
    from hypercell.kernel.languages.base import Language

# name -> (metavar, help); "" = a switch
COMMON: dict[str, tuple[str, str]] = {
    "--mem": ("SIZE", "memory of the cell, like 64M; at most what %limits shows"),
    "--timeout": ("SECONDS", "wall time, like 5, 500ms or 2m"),
    "--stdin": ("TEXT", "what the program reads; \\n is a new line, '' the end of the file"),
    "--args": ("WORD…", "arguments of the program: all words up to the next of these options"),
    "--env": ("NAME=VALUE", "an environment variable; may be repeated"),
    "--allow": ("GRANT", "use something that the owner's configuration grants"),
    "--fresh": ("", "start with an empty /home and forget it afterwards"),
    "--name": ("NAME", "what errors call this cell"),
    "--invoke": ("EXPORT ARG…", "call an export and show what it returns; may be repeated"),
    "--add": ("FILE", "a file of /home that belongs to the program; may be repeated"),
}
PER_LANGUAGE = frozenset({"--invoke", "--add"})
MAX_LINE = 16 * 1024
_NUMBER = re.compile(r"-(\d|\.\d|inf|nan)")
_TIME = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|)", re.ASCII)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "0": "\0"}


def split_words(line: str) -> list[str]:
    """Words with the shell's quotes. UsageError: too long, an open quote, a NUL."""
    if len(line) > MAX_LINE:
        raise UsageError(f"the magic line is longer than {MAX_LINE} characters")
    if "\0" in line:
        raise UsageError("the magic line holds a NUL character")
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(
            f"the magic line cannot be read: {str(error).lower()}",
            hint="close the quote, or write \\' for a quote that is meant",
        ) from error


def parse_options(words: Sequence[str], language: Language) -> Options:
    """Common options are read here; all other words are ``language.check_flags``'s business."""
    known = {name for name in COMMON if name not in PER_LANGUAGE or name in language.common}
    found: dict[str, Any] = {}
    flags: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if name not in COMMON:
            flags.append(word)
            continue
        if name not in known:
            raise UsageError(f"{name} means nothing for {language.title}", hint=_hint(language))
        if name == "--fresh":
            if has_value:
                raise UsageError("--fresh takes no value")
            found["fresh"] = True
        elif name in ("--args", "--invoke"):
            taken = [value] if has_value else _take(name, rest)
            _add_many(found, name, taken)
        else:
            if not has_value:
                if not rest:
                    raise UsageError(f"{name} needs a value: {name} {COMMON[name][0]}")
                value = rest.pop(0)
            _add_one(found, name, value)
    found["flags"] = language.check_flags(_checked(flags, known, language))
    return Options(**found)


def _take(name: str, rest: list[str]) -> list[str]:
    """The words that belong to ``--args`` or ``--invoke``, taken from ``rest``."""
    taken: list[str] = []
    while rest and rest[0].partition("=")[0] not in COMMON:
        if name == "--invoke" and rest[0].startswith("-") and not _NUMBER.match(rest[0]):
            break
        taken.append(rest.pop(0))
    return taken


def _add_many(found: dict[str, Any], name: str, taken: list[str]) -> None:
    if name == "--args":
        found["args"] = (*found.get("args", ()), *taken)
        return
    if not taken:
        raise UsageError("--invoke needs the name of an export: --invoke add 2 3")
    call = Invocation(taken[0], tuple(taken[1:]))
    found["invoke"] = (*found.get("invoke", ()), call)


def _add_one(found: dict[str, Any], name: str, value: str) -> None:
    key = name.removeprefix("--")
    if name == "--mem":
        try:
            found[key] = parse_size(value)
        except ValueError as error:
            raise UsageError(f"--mem: {error}") from error
    elif name == "--timeout":
        found[key] = parse_seconds(value)
    elif name == "--stdin":
        found[key] = re.sub(r"\\([ntr0\\])", lambda m: _ESCAPES[m[1]], value)
    elif name == "--env":
        variable, equals, text = value.partition("=")
        if not equals or not variable:
            raise UsageError(f"--env {value}: write --env NAME=VALUE")
        found[key] = (*found.get(key, ()), (variable, text))
    elif name == "--name":
        if not re.fullmatch(r"[\w .()#+-]{1,40}", value):
            raise UsageError("--name takes up to 40 letters, digits, spaces and . - + # ( )")
        found[key] = value
    else:
        found[key] = (*found.get(key, ()), value)


def parse_seconds(text: str) -> float:
    """``5``, ``0.5``, ``500ms``, ``2m`` as seconds. UsageError if it is no time above 0."""
    match = _TIME.fullmatch(text.strip())
    seconds = float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "": 1}[match[2]] if match else 0.0
    if not 0 < seconds < 1e7:
        raise UsageError(f"--timeout: {text!r} is no time", hint="write 5, 0.5, 500ms or 2m")
    return seconds


def _checked(flags: list[str], known: set[str], language: Language) -> list[str]:
    """A mistyped common option is told as such, before the language sees a strange flag."""
    own = {row.name for row in language.options}
    for flag in flags:
        name = flag.partition("=")[0]
        if name.startswith("--") and name not in own:
            raise UsageError(
                f"%%{language.name} has no option {name}", hint=did_you_mean(name, known | own)
            )
    return flags


def _hint(language: Language) -> str:
    return f"%help {language.name} lists what it takes"
