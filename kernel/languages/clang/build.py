"""From sources to Wasm: units, then the program, each from the cache where it is the same."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from hypercell.kernel.errors import BuildError, UsageError
from hypercell.kernel.home import clean_name
from hypercell.kernel.languages.clang import commands, dependencies, diagnostics, preamble
from hypercell.kernel.languages.clang.dependencies import Depends
from hypercell.kernel.languages.clang.flags import Flags
from hypercell.kernel.languages.clang.implicit_main import NAME
from hypercell.kernel.languages.clang.tool_run import File, Ran
from hypercell.kernel.languages.clang.tools import Begin, Tools
from hypercell.kernel.toolchains.lock import lock
from hypercell.vmm.cache import digest

if TYPE_CHECKING:
    from hypercell.kernel.languages.base import BuildContext

_ROOM = "c"
_LAYOUT = "1"  # of what is kept
Kept = TypeVar("Kept", bound=msgspec.Struct)
# printf and scanf of it are a library of their own: it is large.
_LONG_DOUBLE = re.compile(rb"\blong\s+double\b|%[-+ #0-9.*]*L[aefgAEFG]")


class Unit(msgspec.Struct, frozen=True):
    """A compiled source. ``name``: what it is called; ``read``: files of /home that it included."""

    name: str
    object: bytes
    warnings: str
    read: tuple[str, ...]
    long_double: bool = False


class _KeptUnit(msgspec.Struct, frozen=True):
    depends: Depends
    unit: Unit


class Linked(msgspec.Struct, frozen=True):
    """A program."""

    wasm: bytes
    warnings: str


async def unit(ctx: BuildContext, path: str, source: bytes, flags: Flags) -> Unit:
    """Compile the file at ``path`` below /home, which holds ``source``. Raises BuildError."""
    begin = preamble.begin(path, source, flags)
    home = ctx.home.entries()
    texts = (source, "\0".join(flags.compile).encode())
    key = digest(_ROOM, _LAYOUT, lock().digest("c"), source, *begin.line)
    kept = _read(ctx, f"unit-{key}", _KeptUnit)
    if kept is not None and dependencies.still_holds(kept.depends, home):
        return kept.unit
    ran, text = await _compile(ctx, begin, path, source)
    if commands.STUB in text:
        # Something is open at the end of the cell: only without the stub the place is right.
        ran, text = await _compile(ctx, preamble.direct(path, flags), path, source)
    if not ran.ok:
        raise diagnostics.compile_error(text)
    made_object, rule = ran.results
    if not made_object or not rule:  # clang does not call this an error
        raise BuildError("a file that #embed names was not found", diagnostics=text)
    read = dependencies.read_rule(rule.decode("utf-8", "replace"))
    below = map(dependencies.below_home, read)
    own = sorted({found for found in below if found in home and found != path and found})
    all_texts = (*texts, *(home[found].data for found in own))
    made = Unit(
        name=NAME if path == commands.CELL else path,
        object=made_object,
        warnings=text,
        read=tuple(own),
        long_double=any(_LONG_DOUBLE.search(text) for text in all_texts),
    )
    if dependencies.repeatable(all_texts):
        depends = dependencies.of_build(read, texts, home)
        _write(ctx, f"unit-{key}", _KeptUnit(depends, made))
    return made


async def _compile(ctx: BuildContext, begin: Begin, path: str, source: bytes) -> tuple[Ran, str]:
    ran = await Tools.of(ctx.hypervisor).run(
        ctx,
        begin,
        [File(posixpath.join(commands.HOME, path), source)],
        ctx.home.layer(),
        (commands.OBJECT, commands.DEPENDENCIES),
        again=path == commands.CELL and not preamble.looks_into_home(begin),
    )
    return ran, diagnostics.of_compiler(ran.text)


async def link(ctx: BuildContext, units: Sequence[Unit], flags: Flags) -> Linked:
    """Link compiled sources, objects and libraries. Raises BuildError."""
    paths = _object_paths(len(units))
    names = dict(zip(paths, (unit.name for unit in units), strict=True))
    objects = [File(path, unit.object) for path, unit in zip(names, units, strict=True)]
    long_double = any(unit.long_double for unit in units)
    begin = begin_link(flags, len(units), long_double=long_double)
    own = commands.own_libraries(flags)
    key = digest(
        _ROOM,
        _LAYOUT,
        lock().digest("c"),
        *begin.line,
        *(file.data for file in objects),
        *(_libraries(ctx, flags) if own else ()),
    )
    kept = _read(ctx, f"link-{key}", Linked)
    if kept is not None:
        return kept
    tools = Tools.of(ctx.hypervisor)
    home = ctx.home.layer() if own else None
    ran = await tools.run(ctx, begin, objects, home, (commands.PROGRAM,), again=not own)
    if not ran.ok and b"duplicate symbol" in ran.text:
        # The snapshot has read libc first; with the objects first, the program's own malloc wins.
        line = commands.link_line(flags, paths, long_double=long_double, own_first=True)
        begin = Begin(line, paths[0])
        ran = await tools.run(ctx, begin, objects, home, (commands.PROGRAM,), again=False)
    text = diagnostics.of_linker(ran.text, names)
    if not ran.ok or not ran.results[0]:
        raise diagnostics.link_error(text)
    linked = Linked(ran.results[0], text)
    _write(ctx, f"link-{key}", linked)
    return linked


def begin_link(flags: Flags, count: int, *, long_double: bool = False) -> Begin:
    """How to begin the link of so many objects."""
    paths = _object_paths(count)
    return Begin(commands.link_line(flags, paths, long_double=long_double), paths[0])


def _object_paths(count: int) -> list[str]:
    return [commands.object_path(number) for number in range(count)]


def added(ctx: BuildContext, names: Sequence[str]) -> list[tuple[str, bytes]]:
    """The files of ``--add``: (path below /home, bytes). UsageError, FileRefused."""
    found = []
    for name in names:
        path = clean_name(name)
        if posixpath.splitext(path)[1] not in (".c", ".o", ".a"):
            raise UsageError(
                f"--add {name}: only .c, .o and .a files become part of a program",
                hint="a header is found by #include, without --add",
            )
        if path == commands.CELL:
            raise UsageError(f"--add {name}: that is the name the cell itself has")
        found.append((path, ctx.home.read(path)))
    return list(dict(found).items())


def _libraries(ctx: BuildContext, flags: Flags) -> list[bytes]:
    """All that -l could find below /home, as parts of a key."""
    wanted = {f"lib{name}{suffix}" for name in flags.libraries for suffix in (".a", ".so")}
    return [
        part
        for path, entry in ctx.home.entries().items()
        if posixpath.basename(path) in wanted or entry.target
        for part in (path.encode(), entry.data, entry.target.encode("utf-8", "surrogateescape"))
    ]


def _read(ctx: BuildContext, key: str, kind: type[Kept]) -> Kept | None:
    data = ctx.cache.get(_ROOM, key) if ctx.cache is not None else None
    try:
        return None if data is None else msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError:  # written by another version of ours
        return None


def _write(ctx: BuildContext, key: str, value: msgspec.Struct) -> None:
    if ctx.cache is not None:
        ctx.cache.put(_ROOM, key, msgspec.msgpack.encode(value))
