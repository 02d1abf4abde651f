"""When an object in the cache is still what its source would give now.

clang says which files it read. The files of ``/usr`` never change, those of ``/home`` are compared
by content. A *new* file can matter too: one that would be found before the one that was read. So
all files of ``/home`` with the name of a file that was read belong to what is compared. Where the
text asks for files in other ways, all of ``/home`` does.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping

import msgspec

from hypercell.kernel.home import HomeEntry
from hypercell.kernel.tar_reader import Kind

_ELSEWHERE = re.compile(rb"__has_include|__has_embed|\b(?:__)?asm(?:__)?\b|##")
_UNREPEATABLE = re.compile(rb"__(?:DATE|TIME|TIMESTAMP)__")
_MAX_FILES = 10_000


class Depends(msgspec.Struct, frozen=True):
    """``names``: base names of all files that were read; ``digest``: of what matters of /home."""

    names: tuple[str, ...]
    everything: bool
    digest: str


def read_rule(text: str) -> list[str]:
    """The prerequisites of a make rule as clang writes it, below ``/home`` or absolute."""
    _, _, right = text.replace("\\\n", " ").partition(": ")
    words = re.findall(r"(?:\\[ #\\]|[^\s])+", right)
    names = [re.sub(r"\\([ #\\])", r"\1", word).replace("$$", "$") for word in words]
    return names[:_MAX_FILES]


def below_home(path: str) -> str | None:
    """A path that clang reported, as a path below ``/home``; None for any other place."""
    full = posixpath.normpath(posixpath.join("/home", path))
    return full.removeprefix("/home/") if full.startswith("/home/") else None


def of_build(read: Iterable[str], texts: Iterable[bytes], home: Mapping[str, HomeEntry]) -> Depends:
    """What the object depends on. ``texts``: the source and the flags, all that clang got."""
    paths = list(read)
    own = [path for path in map(below_home, paths) if path is not None and path in home]
    text = b"\n".join([*texts, *(home[path].data for path in own)])
    everything = _ELSEWHERE.search(text) is not None or any(
        entry.kind is Kind.SYMLINK for entry in home.values()
    )
    names = tuple(sorted({posixpath.basename(path) for path in paths}))
    return Depends(names, everything, _digest(names, everything, home))


def still_holds(depends: Depends, home: Mapping[str, HomeEntry]) -> bool:
    """Whether ``/home`` has not changed in what matters."""
    everything = depends.everything
    if not everything and any(entry.kind is Kind.SYMLINK for entry in home.values()):
        return False
    return depends.digest == _digest(depends.names, everything, home)


def repeatable(texts: Iterable[bytes]) -> bool:
    """Whether the same text gives the same object tomorrow."""
    return not any(_UNREPEATABLE.search(text) for text in texts)


def _digest(names: Iterable[str], everything: bool, home: Mapping[str, HomeEntry]) -> str:
    wanted = frozenset(names)
    state = hashlib.blake2b(digest_size=20)
    for path in sorted(home):
        if everything or posixpath.basename(path) in wanted:
            entry = home[path]
            for part in (path.encode(), entry.kind.value.encode(), entry.data):
                state.update(len(part).to_bytes(8, "little") + part)
            state.update(entry.target.encode("utf-8", "surrogateescape") + b"\0")
    return state.hexdigest()
