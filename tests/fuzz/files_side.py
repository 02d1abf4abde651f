"""Targets: files that come from a VM, from a registry or from a cell."""

from __future__ import annotations

import io
import signal
import tarfile

import wasmtime
from target import Target

from hypercell.kernel.home import Home, read_delta
from hypercell.kernel.tar_reader import check_path
from hypercell.kernel.toolchains import immortal_objects, unpack, wasm_patch
from hypercell.vmm import symbolize, wasm_types
from hypercell.vmm.even_tags import even_tags
from hypercell.vmm.program import Limits

_LIMITS = Limits()
_SYMBOLIZE_SECONDS = 1.0


def _tar(*members: tuple[str, bytes, bytes, str], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, kind, data, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), link
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()[
        : -(-sum(512 + -(-len(m[2]) // 512) * 512 for m in members) // 512) * 512 + 1024
    ]


_PLAIN = _tar(
    ("d", tarfile.DIRTYPE, b"", ""),
    ("d/a", tarfile.REGTYPE, b"hello", ""),
    ("d/l", tarfile.SYMTYPE, b"", "../x"),
    ("d/h", tarfile.LNKTYPE, b"", "d/a"),
    ("d/.wh.gone", tarfile.REGTYPE, b"", ""),
)
_LONG = _tar(("d/" + "n" * 150, tarfile.REGTYPE, b"x", ""), ("\u00e9", tarfile.REGTYPE, b"y", ""))
_SMALL = _tar(("a", tarfile.REGTYPE, b"1", ""))


def _sealed(tar: bytes) -> bytes:
    """With right checksums in what looks like headers, so that other fields are reached."""
    out = bytearray(tar)
    for at in range(0, len(tar) - 511, 512):
        if out[at + 257 : at + 262] == b"ustar":
            out[at + 148 : at + 156] = b" " * 8
            out[at + 148 : at + 155] = b"%06o\0" % sum(out[at : at + 512])
    return bytes(out)


def _toolchain(data: bytes) -> None:
    unpack.layer(_sealed(data))


def _home(data: bytes) -> None:
    """A delta is refused as a whole, or applied to a tree that stays sound."""
    data = _sealed(data)
    home = Home()
    home.write("d/gone", b"here", _LIMITS)
    home.write("d/a/b", b"deep", _LIMITS)
    before = dict(home.entries())
    try:
        home.apply(data, _LIMITS)
    except Exception:
        assert home.entries() == before
        raise
    entries = home.entries()
    assert len(entries) <= _LIMITS.home_files
    assert sum(len(entry.data) for entry in entries.values()) <= _LIMITS.home_bytes
    for path in entries:
        assert check_path(path) == path
        assert not any(part.startswith(".wh.") for part in path.split("/"))
        parent = path.rpartition("/")[0]
        assert not parent or entries[parent].kind.value == "directory"
    again = Home()
    again.take(read_delta(home.tar(), _LIMITS), _LIMITS)
    assert again.files() == home.files()


def _wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


_MODULES = (
    _wat(
        """(module (import "m" "f" (func (param i32) (result i64))) (import "m" "g" (global i32))
        (memory (export "memory") 1 2) (table (export "t") 3 funcref) (tag (param i32))
        (global (export "v") (mut v128) (v128.const i64x2 1 2))
        (func (export "f") (param f32 f64 externref) (result funcref) (ref.null func)))"""
    ),
    _wat(
        """(module (rec (type $a (sub (struct (field (mut i32)) (field (ref null $b)))))
        (type $b (sub final $a (struct (field (mut i32)) (field (ref null $b)) (field i8)))))
        (type $c (array (mut i16))) (func (export "g") (param (ref $a) (ref null any) i31ref)))"""
    ),
    _wat('(module (tag) (tag) (tag) (memory i64 1) (data (i64.const 0) "x"))'),
)
_TABLE = _wat('(module (table 1 funcref) (func (export "f")))')
_COMPONENT = _wat(
    '(component (core module (tag)) (component (core module (tag) (func (export "f")))))'
)


def _types(data: bytes) -> None:
    """Of a valid module everything can be read; of another one it says so."""
    try:
        wasmtime.Module.validate(_engine, data)
    except wasmtime.WasmtimeError:
        wasm_types.read(data)  # ValueError is allowed
        return
    try:
        wasm_types.read(data)
    except ValueError as error:
        raise AssertionError(f"a valid module cannot be read: {error}") from error


def _immortal(data: bytes) -> None:
    immortal_objects.make_immortal(bytearray(data))


def _tags(data: bytes) -> None:
    even = even_tags(data)
    assert even_tags(even) == even, "twice is once"


class _TooLongError(BaseException):
    """Processor time is over: no error that the parser may catch."""


def _too_long(*_: object) -> None:
    raise _TooLongError


def _places(data: bytes) -> None:
    """In a process with a limit of time, for which the timer stands: tables may go on for ever."""
    before = signal.signal(signal.SIGVTALRM, _too_long)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, _SYMBOLIZE_SECONDS)
        found = symbolize.places(data, (0, 40, 1 << 40))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        assert len(found) == 3
    except _TooLongError:
        return
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _engine_of_cells() -> wasmtime.Engine:
    from hypercell.vmm import engine_config

    return engine_config.engine()


_engine = _engine_of_cells()


def _with_dwarf() -> bytes:
    """A module whose DWARF (version 4) has a unit and a line program."""
    abbrev = b"\x01\x11\x00\x10\x17\x1b\x08\x00\x00\x00"  # compile unit: stmt_list, comp_dir
    unit = b"\x04\x00" + bytes(4) + b"\x04" + b"\x01" + bytes(4) + b"/src\0"
    info = len(unit).to_bytes(4, "little") + unit
    header = b"\x01\x01\x01\xfb\x0e\x0d" + bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    header += b"\0" + b"a.c\0\0\0\0" + b"\0"
    program = b"\x00\x05\x02" + bytes(4) + b"\x13\x02\x08\x00\x01\x01"
    lines = b"\x04\x00" + len(header).to_bytes(4, "little") + header + program
    lines = len(lines).to_bytes(4, "little") + lines
    wasm = _wat("(module (func (drop (i32.const 1))))")
    for name, body in ((b".debug_abbrev", abbrev), (b".debug_info", info), (b".debug_line", lines)):
        content = bytes([len(name)]) + name + body
        wasm += b"\0" + len(content).to_bytes(1, "little") + content
    return wasm


TARGETS = (
    Target("home", _home, (_PLAIN, _LONG, _SMALL, b"")),
    Target(
        "toolchain_layer",
        _toolchain,
        (
            _tar(("d", tarfile.DIRTYPE, b"", ""), ("d/a", tarfile.REGTYPE, b"hello", "")),
            _tar(("n" * 150, tarfile.REGTYPE, b"x", ""), form=tarfile.GNU_FORMAT),
            _LONG,
        ),
    ),
    Target("wasm_types", _types, _MODULES, (ValueError,)),
    Target("even_tags", _tags, (*_MODULES, _COMPONENT)),
    Target("wasm_patch", wasm_patch.export_table, (_TABLE, *_MODULES)),
    Target("immortal_objects", _immortal, (_COMPONENT, *_MODULES)),
    Target("symbolize", _places, (_with_dwarf(), *_MODULES)),
)
