"""What stands behind ``%pip install``: names with versions, nothing else; and who may have them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import msgspec

from hypercell.kernel.errors import GrantMissing, UsageError
from hypercell.kernel.safe_text import safe_name

ANY = "*"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
_VERSION = r"\s*(?:===?|~=|!=|<=?|>=?)\s*[A-Za-z0-9.*+!_-]{1,50}\s*"
_REQUIREMENT = re.compile(
    rf"({_NAME})(\[{_NAME}(?:,{_NAME})*\])?({_VERSION}(?:,{_VERSION}){{0,9}})?", re.ASCII
)
_MOST = 20
_QUIET = {"-q", "--quiet", "-U", "--upgrade"}  # often typed; they change nothing here


class Requirement(msgspec.Struct, frozen=True):
    """``text`` as pip takes it; ``name`` normalised."""

    name: str
    text: str


def normal(name: str) -> str:
    """A package's name as names are compared: lower case, ``-`` for any of ``-_.``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(words: Sequence[str]) -> list[Requirement]:
    """The requirements. UsageError for options, URLs, paths, markers and whatever else."""
    found: list[Requirement] = []
    for word in words:
        if word in _QUIET:
            continue
        if word.startswith("-"):
            raise UsageError(
                f"%pip install: the option {safe_name(word)} is not for cells",
                hint="where packages come from is set by the owner's own configuration of pip",
            )
        match = _REQUIREMENT.fullmatch(word)
        if match is None:
            raise UsageError(
                f"%pip install: {safe_name(word)} is not a name, or a name with versions",
                hint="like: %pip install attrs 'rich>=13,<15'; no URLs, paths or files",
            )
        found.append(Requirement(normal(match[1]), "".join(word.split())))
    if not found:
        raise UsageError("%pip install: name a package", hint="like: %pip install attrs")
    if len(found) > _MOST:
        raise UsageError(f"%pip install: more than {_MOST} packages at once")
    return found


def check_granted(wanted: Sequence[Requirement], granted: Collection[str]) -> None:
    """GrantMissing for the first package that the owner does not grant.

    What a granted package depends on comes with it.
    """
    allowed = {ANY if name == ANY else normal(name) for name in granted}
    for requirement in wanted:
        if ANY not in allowed and requirement.name not in allowed:
            raise GrantMissing(
                f"the owner of this machine does not grant the package {requirement.name}",
                hint="the owner can: in the configuration file (hypercell config --path), "
                f'below [grants]: packages = ["{requirement.name}"], then a new session',
            )
