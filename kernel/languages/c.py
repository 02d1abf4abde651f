"""C: clang as WebAssembly, in micro-VMs. The work is in ``clang/``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypercell.kernel.languages.base import (
    BuildContext,
    Cell,
    OptionHelp,
    Program,
    SourceFile,
)
from hypercell.kernel.languages.clang import build, commands, diagnostics, flags, preamble
from hypercell.kernel.languages.clang.build import Unit
from hypercell.kernel.languages.clang.implicit_main import NAME, translation_unit
from hypercell.kernel.languages.clang.keywords import KEYWORDS
from hypercell.kernel.languages.clang.tools import Tools

_USUAL = b"#include <stdio.h>\n"
_BIG = 64 << 10  # characters; above, cutting a cell into items goes to a thread


class C:
    """``%%c``."""

    name = "c"
    title = "C"
    suffix = ".c"
    mimetype = "text/x-csrc"
    help = "a program, or just statements; clang's flags, --add for further files of /home"
    common = frozenset({"--add"})
    options: Sequence[OptionHelp] = (
        OptionHelp(
            "-O",
            "LEVEL",
            "optimise; -O1 is the default; -g is on below -O2",
            ("0", "1", "2", "3", "s", "z"),
        ),
        OptionHelp("-std=", "STD", "the language version", ("c99", "c11", "c17", "c23", "gnu23")),
        OptionHelp("-W", "NAME", "warnings", ("all", "extra", "error", "conversion", "shadow")),
        OptionHelp("-g", "", "lines for traps, also with -O2"),
        OptionHelp("-D", "NAME[=VALUE]", "define a macro"),
        OptionHelp("-I", "DIR", "look for headers there too, below /home"),
        OptionHelp("-l", "NAME", "link a library; with -L, one of /home"),
        OptionHelp("-L", "DIR", "look for libraries there too, below /home"),
        OptionHelp("-m", "FEATURE", "use a feature of WebAssembly", ("simd128", "tail-call")),
        OptionHelp("-f", "NAME", "clang's -f flags", ("sanitize=undefined", "fast-math", "wrapv")),
        OptionHelp("-Wl,-z,stack-size=", "BYTES", "the stack; 1 MiB is the default"),
    )
    keywords = KEYWORDS

    def check_flags(self, words: Sequence[str]) -> tuple[str, ...]:
        """Refuse what is no flag for a cell: UsageError."""
        flags.parse(words)
        return tuple(words)

    async def prepare(self, ctx: BuildContext) -> None:
        """Load clang, and begin the usual command lines, so that the first cell need not."""
        tools, usual = Tools.of(ctx.hypervisor), flags.parse(())
        await tools.load(ctx)
        tools.prepare(ctx, preamble.begin(commands.CELL, _USUAL, usual), after=0.0)
        tools.prepare(ctx, build.begin_link(usual, 1), after=0.0)

    async def build(self, cell: Cell, ctx: BuildContext) -> Program:
        """Compile and link, or find what was. BuildError with lines of the notebook cell."""
        chosen = flags.parse(cell.options.flags)
        added = build.added(ctx, cell.options.add)
        given = (cell.source, cell.first_line)
        if len(cell.source) > _BIG:
            text = await asyncio.to_thread(translation_unit, *given, complete=bool(added))
        else:
            text = translation_unit(*given, complete=bool(added))
        source = text.encode("utf-8", "surrogateescape")
        units = [await build.unit(ctx, commands.CELL, source, chosen)]
        for path, data in added:
            if path.endswith(".c"):
                units.append(await build.unit(ctx, path, data, chosen))
            else:
                units.append(Unit(path, data, "", ()))
        linked = await build.link(ctx, units, chosen)
        said = [*(unit.warnings for unit in units), linked.warnings]
        return Program(
            code=await ctx.hypervisor.compile(linked.wasm),
            args=(NAME, *cell.options.args),
            env=cell.options.env,
            warnings="".join(text for text in said if diagnostics.has_warnings(text)),
            wasm=linked.wasm if chosen.debug else None,
            sources=_sources(cell, ctx, units),
        )


def _sources(cell: Cell, ctx: BuildContext, units: Sequence[Unit]) -> tuple[SourceFile, ...]:
    """The cell, and the files of /home that became part of it."""
    paths = {path for unit in units for path in (unit.name, *unit.read)} - {NAME}
    entries = ctx.home.entries()
    return (
        SourceFile(NAME, cell.source, cell.first_line, cell.label),
        *(
            SourceFile(path, entries[path].data.decode("utf-8", "replace"))
            for path in sorted(paths)
            if path in entries and not path.endswith((".o", ".a"))
        ),
    )


LANGUAGE = C()
