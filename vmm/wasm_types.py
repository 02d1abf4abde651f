"""Imports and exports of a validated module, read from its bytes.

Wasmtime's C interface aborts on types it does not know (v128, GC), so this reads the sections.
It runs in the compiler's child: the module is hostile, and whatever goes wrong is a ``ValueError``.
"""

from __future__ import annotations

from hypercell.vmm.program import ExportType, ImportType

_KINDS = ("func", "table", "memory", "global", "tag")
_SIMPLE = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x78: "i8",
    0x77: "i16",
}
_HEAP = {
    0x74: "noexn",
    0x73: "nofunc",
    0x72: "noextern",
    0x71: "none",
    0x70: "func",
    0x6F: "extern",
    0x6E: "any",
    0x6D: "eq",
    0x6C: "i31",
    0x6B: "struct",
    0x6A: "array",
    0x69: "exn",
}
_MAX_ITEMS = 1_000_000
_MAX_PAGE = 16  # as a power of two
_FUNC, _STRUCT, _ARRAY, _SUB_FINAL, _SUB, _REC = 0x60, 0x5F, 0x5E, 0x4F, 0x50, 0x4E

Signature = tuple[tuple[str, ...], tuple[str, ...]]


class _Sections:
    """Walks over the bytes of a module."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise ValueError("the module ends early")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """An unsigned LEB128."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number is too long")

    def count(self) -> int:
        value = self.number()
        if value > _MAX_ITEMS:
            raise ValueError(f"{value} items in a section")
        return value

    def name(self) -> str:
        size = self.number()
        piece = self.data[self.at : self.at + size]
        self.at += size
        return piece.decode("utf-8", "replace")

    def heap_type(self) -> str:
        byte = self.data[self.at] if self.at < len(self.data) else 0
        if byte in _HEAP:
            self.at += 1
            return _HEAP[byte]
        return str(self.number())  # an index of a type, as a small signed number

    def value_type(self) -> str:
        byte = self.byte()
        if byte in _SIMPLE:
            return _SIMPLE[byte]
        if byte in _HEAP:
            short = _HEAP[byte]
            return f"{short}ref" if not short.startswith("no") else f"null{short[2:]}ref"
        if byte in (0x63, 0x64):
            heap = self.heap_type()
            null = "null " if byte == 0x63 else ""
            if null and heap in _HEAP.values() and not heap.startswith("no"):
                return f"{heap}ref"
            return f"(ref {null}{heap})"
        raise ValueError(f"value type {byte:#x}")

    def value_types(self) -> tuple[str, ...]:
        return tuple(self.value_type() for _ in range(self.count()))

    def field(self) -> None:
        self.value_type()
        self.byte()

    def types(self, found: list[Signature]) -> None:
        """One entry of the type section; what is no function is an empty signature."""
        if self.data[self.at : self.at + 1] == bytes([_REC]):
            self.at += 1
            for _ in range(self.count()):
                self.sub_type(found)
        else:
            self.sub_type(found)

    def sub_type(self, found: list[Signature]) -> None:
        form = self.byte()
        if form in (_SUB, _SUB_FINAL):
            for _ in range(self.count()):
                self.number()
            form = self.byte()
        if form == _FUNC:
            params = self.value_types()
            found.append((params, self.value_types()))
            return
        for _ in range(self.count() if form == _STRUCT else 1):
            self.field()
        found.append(((), ()))

    def limits(self) -> str:
        flags = self.byte()
        least = self.number()
        most = str(self.number()) if flags & 1 else ""
        page = f", page size {1 << self.page_size()}" if flags & 8 else ""
        wide = "i64 " if flags & 4 else ""
        return f"{wide}{least}..{most}{page}"

    def page_size(self) -> int:
        power = self.number()
        if power > _MAX_PAGE:
            raise ValueError(f"pages of 2**{power} bytes")
        return power

    def table(self) -> str:
        initialised = self.data[self.at : self.at + 2] == b"\x40\x00"
        self.at += 2 * initialised
        element = self.value_type()
        found = f"{self.limits()} {element}"
        if initialised:
            _skip_expression(self)
        return found

    def global_(self) -> str:
        kind = self.value_type()
        return f"mut {kind}" if self.byte() & 1 else kind


def read(wasm: bytes) -> tuple[tuple[ImportType, ...], tuple[ExportType, ...]]:
    """Imports and exports in their order. Raises ``ValueError`` for what it cannot read."""
    sections = {number: body for number, body in _sections(wasm) if number}
    types: list[Signature] = []
    spaces: dict[str, list[str | int]] = {kind: [] for kind in _KINDS}
    walk = _Sections(sections.get(1, b"\0"))
    for _ in range(walk.count()):
        walk.types(types)
    imports = _imports(_Sections(sections.get(2, b"\0")), spaces)
    _defined(sections, spaces)
    return imports, _exports(_Sections(sections.get(7, b"\0")), types, spaces)


def _sections(wasm: bytes) -> list[tuple[int, bytes]]:
    if wasm[:8] != b"\0asm\1\0\0\0":
        raise ValueError("not a core module")
    walk = _Sections(wasm)
    walk.at = 8
    found = []
    while walk.at < len(wasm):
        number, size = walk.byte(), walk.number()
        if number in (1, 2, 3, 4, 5, 6, 7, 13):
            found.append((number, wasm[walk.at : walk.at + size]))
        walk.at += size
    return found


def _description(walk: _Sections, kind: str) -> str | int:
    if kind == "tag":
        walk.byte()
        return walk.number()
    if kind == "func":
        return walk.number()
    return {"table": walk.table, "memory": walk.limits, "global": walk.global_}[kind]()


def _imports(walk: _Sections, spaces: dict[str, list[str | int]]) -> tuple[ImportType, ...]:
    found = []
    for _ in range(walk.count()):
        module, name = walk.name(), walk.name()
        kind = _KINDS[min(walk.byte(), 4)]
        spaces[kind].append(_description(walk, kind))
        found.append(ImportType(module, name, kind))
    return tuple(found)


def _defined(sections: dict[int, bytes], spaces: dict[str, list[str | int]]) -> None:
    for number, kind in ((3, "func"), (4, "table"), (5, "memory"), (6, "global"), (13, "tag")):
        walk = _Sections(sections.get(number, b"\0"))
        for _ in range(walk.count()):
            try:
                spaces[kind].append(_description(walk, kind))
                if kind == "global":
                    _skip_expression(walk)
            except ValueError:
                break  # what follows in this section stays without a description


def _skip_expression(walk: _Sections) -> None:
    """Step over a constant expression; only the usual ones are known."""
    while (code := walk.byte()) != 0x0B:
        if code in (0x41, 0x42, 0x23, 0xD2):  # i32.const, i64.const, global.get, ref.func
            walk.number()
        elif code in (0x43, 0x44):
            walk.at += 4 if code == 0x43 else 8
        elif code == 0xD0:
            walk.heap_type()
        elif code == 0xFD and walk.number() == 12:
            walk.at += 16
        elif code not in (0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E):  # additions and the like
            raise ValueError(f"instruction {code:#x} in a constant expression")


def _exports(
    walk: _Sections, types: list[Signature], spaces: dict[str, list[str | int]]
) -> tuple[ExportType, ...]:
    found = []
    for _ in range(walk.count()):
        name = walk.name()
        kind = _KINDS[min(walk.byte(), 4)]
        index = walk.number()
        known = spaces[kind][index] if index < len(spaces[kind]) else ""
        if isinstance(known, int):
            params, results = types[known] if known < len(types) else ((), ())
            found.append(ExportType(name, kind, params, results))
        else:
            found.append(ExportType(name, kind, detail=known))
    return tuple(found)
