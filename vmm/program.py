"""What a micro-VM runs, and within which limits."""

from __future__ import annotations

import msgspec

MIB = 1 << 20


class Limits(msgspec.Struct, frozen=True):
    """Limits of one cell. Sizes in bytes, times in seconds."""

    memory: int = 512 * MIB  # linear memories, GC heaps and native heap beyond the snapshot
    wall: float = 30.0
    output: int = 16 * MIB
    home_bytes: int = 64 * MIB
    home_files: int = 4096
    tmp_bytes: int = 64 * MIB
    tmp_files: int = 4096
    dir_bytes: int = 256 * MIB  # of the host's directories that are writable, together
    dir_files: int = 20_000


class ExportType(msgspec.Struct, frozen=True):
    """An export of a module: ``kind`` is func, global, memory, table or tag.

    Of a component functions only, those of an interface named ``interface#function``.
    """

    name: str
    kind: str
    params: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    detail: str = ""  # for the rest: "mut i32", "1..4 pages", …

    @property
    def is_start(self) -> bool:
        """Whether it runs the program: ``_start``, or of a component ``wasi:cli/run``."""
        interface, _, function = self.name.partition("#")
        runs = interface.partition("@")[0] == "wasi:cli/run" and function == "run"
        return self.kind == "func" and (runs or self.name == "_start")


class ImportType(msgspec.Struct, frozen=True):
    """An import of a module, as ``module.name``; of a component an interface, without ``name``."""

    module: str
    name: str
    kind: str
