"""The line magics: what they are called, what they say, what they do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel import state_magics as states
from hypercell.kernel.errors import UsageError
from hypercell.kernel.home import clean_name
from hypercell.kernel.run import HOME, TMP
from hypercell.kernel.safe_text import safe_name, safe_stream
from hypercell.kernel.sizes import format_size
from hypercell.kernel.suggest import did_you_mean
from hypercell.kernel.tables import files_table, table

if TYPE_CHECKING:
    from hypercell.kernel.session import Session

Run = Callable[..., Awaitable[str]]  # of the session and the words
_MOST_SHOWN = 1 << 20


class Magic(msgspec.Struct, frozen=True):
    """``%name``. ``files``: its arguments are files of /home; ``lines``: lines of states.

    ``first``: what its first word may be. ``tells``: ``run`` takes a third argument, a function
    that is told of steps which take long.
    """

    name: str
    usage: str
    help: str
    run: Run
    files: bool = False
    lines: bool = False
    first: tuple[str, ...] = ()
    tells: bool = False


def find(name: str, own: Iterable[str] = ()) -> Magic:
    """The magic of that name; UsageError lists the known ones, the default language's ``own``."""
    if name not in MAGICS:
        known = [f"%{magic}" for magic in (*MAGICS, *own)]
        raise UsageError(f"there is no magic %{name}", hint=did_you_mean(f"%{name}", known))
    return MAGICS[name]


def written(name: str, size: int) -> str:
    """What ``%%file`` answers."""
    return f"/home/{safe_name(clean_name(name))}: {format_size(size)}"


async def _help(session: Session, words: Sequence[str]) -> str:
    from hypercell.kernel import help_text

    if not words:
        return help_text.overview(session.languages, session.config.language)
    return help_text.topic(words[0], session.languages)


async def _languages(session: Session, words: Sequence[str]) -> str:
    _none("languages", words)
    default = session.config.language
    return table(
        [
            (f"%%{name}", language.title, language.help + ("  (default)" * (name == default)))
            for name, language in session.languages.items()
        ]
    )


async def _limits(session: Session, words: Sequence[str]) -> str:
    _none("limits", words)
    now, most = session.config.limits, session.config.maximum
    rows = [
        ("", "a cell has", "at most", ""),
        ("memory", format_size(now.memory), format_size(most.memory), "--mem"),
        ("wall time", f"{now.wall:g} s", f"{most.wall:g} s", "--timeout"),
        ("output", format_size(now.output), format_size(most.output), ""),
        ("/home", format_size(now.home_bytes), format_size(most.home_bytes), ""),
        ("/home files", str(now.home_files), str(most.home_files), ""),
        (TMP, format_size(now.tmp_bytes), format_size(most.tmp_bytes), ""),
        (f"{TMP} files", str(now.tmp_files), str(most.tmp_files), ""),
        ("states", *states.budget(session), "%undo"),
    ]
    isolation = f"every cell in its own micro-VM; no network; files: {HOME}, {TMP}"
    grants = ", ".join(f"{grant.guest} (read-only)" for grant in session.config.directories)
    packages = ", ".join(session.config.packages).replace("*", "any pure-Python package")
    granted = f"\n%pip install: {packages}" if packages else ""
    return f"{table(rows)}\n\n{isolation}{', ' + grants if grants else ''}{granted}"


async def _files(session: Session, words: Sequence[str]) -> str:
    _none("files", words)
    return files_table(session.home.entries())


async def _cat(session: Session, words: Sequence[str]) -> str:
    _some("cat", words)
    shown, size = bytearray(), 0
    for name in words:  # one file may be named any number of times
        data = session.home.read(name)
        shown += data[: _MOST_SHOWN - len(shown)]
        size += len(data)
    text = safe_stream(shown.decode("utf-8", "replace"))
    if size > len(shown):
        text += f"\n… {format_size(size - len(shown))} more"
    return text.removesuffix("\n")


async def _rm(session: Session, words: Sequence[str]) -> str:
    _some("rm", words)
    session.home.remove(*words)
    return ""


def _none(name: str, words: Sequence[str]) -> None:
    if words:
        raise UsageError(f"%{name} takes no arguments, but {words[0]!r} is there")


def _some(name: str, words: Sequence[str]) -> None:
    if not words:
        raise UsageError(f"%{name} needs a file", hint="%files lists what is in /home")


async def _pip(session: Session, words: Sequence[str], tell: Callable[[str], None]) -> str:
    if words[:1] == ("install",):
        new = await session.packages.install(words[1:], tell)
        if not new:
            return "nothing to do: it is installed already"
        names = ", ".join(f"{package.name} {package.version}" for package in new)
        return f"installed for the Python cells of this session: {names}"
    if tuple(words) == ("list",):
        rows = [(one.name, one.version, f"sha256:{one.sha256}") for one in session.packages.rows()]
        return table([("package", "version", "wheel"), *rows]) if rows else "no packages"
    raise UsageError(
        "%pip has two forms: %pip install NAME…, %pip list",
        hint="packages are gone with the session",
    )


MAGICS = {
    magic.name: magic
    for magic in (
        Magic("help", "%help [TOPIC]", "this help; TOPIC: a language, a magic, an option", _help),
        Magic("languages", "%languages", "the languages of cells", _languages),
        Magic("limits", "%limits", "what a cell may use", _limits),
        Magic("files", "%files", "what is in /home", _files),
        Magic("cat", "%cat FILE…", "show files of /home", _cat, files=True),
        Magic("rm", "%rm FILE…", "delete files and directories of /home", _rm, files=True),
        Magic(
            "pip",
            "%pip install NAME… | list",
            "pure-Python packages that the owner grants",
            _pip,
            first=("install", "list"),
            tells=True,
        ),
        Magic(
            "reset",
            "%reset [-f]",
            "empty /home, forget all variables; -f: variables only",
            states.reset,
        ),
        Magic("undo", "%undo [N]", "variables and /home as before the last N cells", states.undo),
        Magic("redo", "%redo [N]", "take back %undo, until another cell has run", states.redo),
        Magic("snapshots", "%snapshots", "the states of this session", states.snapshots),
        Magic("fork", "%fork NAME", "a further line of states that begins here", states.fork),
        Magic(
            "switch", "%switch NAME", "go on in another line, /home too", states.switch, lines=True
        ),
    )
}
