"""Command lines of clang and wasm-ld, and where their files are in the guest.

The root directory is the only preopen: ``/usr`` (sysroot), ``/home`` (the session's, read-only
here), ``/obj`` (objects to link) and ``/tmp`` (results).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from hypercell.kernel.languages.clang.flags import Flags

HOME = "/home"
# The cell lies in /home, so that #include "util.h" finds its neighbours, under a name that no
# file of the user's is likely to have.
CELL = ".hypercell-cell.c"
STUB = ".hypercell-stub.c"  # includes the cell, see preamble.py
OBJECT = "/tmp/unit.o"  # noqa: S108 - paths of the guest, here and below
DEPENDENCIES = "/tmp/unit.d"  # noqa: S108
PROGRAM = "/tmp/program.wasm"  # noqa: S108
PREOPENS = ("/",)

_LIBRARY_DIRECTORY = "/usr/lib/wasm32-wasip1"
_START_FILE = f"{_LIBRARY_DIRECTORY}/crt1-command.o"
_BUILTINS = "/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a"
_LONG_DOUBLE = "c-printscan-long-double"
# setjmp, signal, clock, getpid and mmap exist in wasi-libc, but must be asked for: we ask always.
_EMULATED = ("signal", "process-clocks", "getpid", "mman")
_LIBRARIES = ("setjmp", *(f"wasi-emulated-{name}" for name in _EMULATED), "c")
# In the sysroot these are empty or linked anyway.
BUILT_IN = frozenset((*_LIBRARIES, "m", "crypt", "pthread", "resolv", "rt", "util", "xnet"))
_BASE = (
    "-fcolor-diagnostics",
    "-Wno-poison-system-directories",  # of -Weverything; /usr is the guest's
    *("-mllvm", "-wasm-enable-sjlj", "-mllvm", "-wasm-use-legacy-eh=false"),
    *(f"-D_WASI_EMULATED_{name.upper().replace('-', '_')}" for name in _EMULATED),
)


def compile_line(source: str, flags: Flags) -> tuple[str, ...]:
    """``source``: a path below ``/home``."""
    return (
        "clang",
        f"-working-directory={HOME}",
        *_BASE,
        flags.level,
        *flags.compile,
        *("-c", source),
        *("-MD", "-MF", DEPENDENCIES),
        *("-o", OBJECT),
    )


def object_path(number: int) -> str:
    """Where the linker finds an object."""
    return f"/obj/{number}.o"


def link_line(
    flags: Flags, objects: Sequence[str], *, long_double: bool = False, own_first: bool = False
) -> tuple[str, ...]:
    """The objects last, so that a snapshot can hold all the rest parsed.

    ``own_first``: the usual order, in which an object's ``malloc`` comes before libc's.
    """
    libraries = [*((_LONG_DOUBLE,) if long_double else ()), *_LIBRARIES]
    system = (_START_FILE, *(f"-l{name}" for name in libraries), _BUILTINS)
    own = (*objects, *own_libraries(flags))
    return (
        *("wasm-ld", "-m", "wasm32", "--error-limit=20", "--stack-first"),
        *("-z", f"stack-size={flags.stack}"),
        f"-L{_LIBRARY_DIRECTORY}",
        *(f"-L{posixpath.join(HOME, path)}" for path in flags.library_paths),
        *((*own, *system) if own_first else (*system, *own)),
        *("-o", PROGRAM),
    )


def own_libraries(flags: Flags) -> tuple[str, ...]:
    """``-l`` for what is not linked anyway."""
    return tuple(f"-l{name}" for name in flags.libraries if name not in BUILT_IN)
