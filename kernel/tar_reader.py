"""A strict reader of the tar that a guest sends: ustar with pax headers, and nothing else.

The standard library's reader is lenient (old formats, sparse files, numbers in base 256, names
that end in a slash), and what it accepts changes from version to version. The bytes here come
from a VM that may be hostile, so anything that our guest has no reason to write is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

import msgspec

from hypercell.vmm.errors import ProtocolViolation

BLOCK = 512
MAX_NAME = 255  # bytes of one component
MAX_PATH = 1024  # bytes
MAX_DEPTH = 64
_MAX_PAX = 64 << 10
_PAX_USED = ("path", "linkpath", "size", "mtime")
_PAX_IGNORED = ("atime", "ctime", "uid", "gid", "uname", "gname")


class Kind(Enum):
    """What an entry of a tar is. Devices, pipes and the rest do not exist here."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


class TarEntry(msgspec.Struct, frozen=True):
    """One checked entry. ``path``: components joined by ``/``, never absolute, never ``..``."""

    path: str
    kind: Kind
    mode: int
    mtime: int
    data: bytes = b""
    target: str = ""


def read_tar(tar: bytes, *, max_entries: int) -> Iterator[TarEntry]:
    """The entries of ``tar`` in order. ProtocolViolation for everything that is not plain."""
    at = 0
    extra: dict[str, str] = {}
    count = 0
    while at < len(tar):
        header = _slice(tar, at, BLOCK)
        at += BLOCK
        if header == bytes(BLOCK):
            if any(tar[at:]):
                raise ProtocolViolation("a tar goes on after its end")
            break
        _check_header(header)
        size = _octal(header[124:136], "size")
        kind = header[156:157]
        if kind == b"x":
            if extra or size > _MAX_PAX:
                raise ProtocolViolation("a tar has an extended header that is too long or twice")
            extra = _pax(_slice(tar, at, size))
            at += _padded(size)
            continue
        count += 1
        if count > max_entries:
            raise ProtocolViolation(f"a tar has more than {max_entries} entries")
        if "size" in extra:
            size = _decimal(extra["size"], "size")
        entry = _entry(header, kind, extra, size)
        if entry.kind is Kind.FILE:
            entry = msgspec.structs.replace(entry, data=_slice(tar, at, size))
            at += _padded(size)
            if at > len(tar):
                raise ProtocolViolation("a tar ends in the middle of a file")
        elif size:
            raise ProtocolViolation(f"a {entry.kind.value} in a tar has {size} bytes of data")
        extra = {}
        yield entry
    if extra:
        raise ProtocolViolation("a tar ends after an extended header")


def check_path(name: str) -> str:
    """``name`` without a leading ``./`` or trailing slash; ProtocolViolation if it is not safe."""
    parts = name.removeprefix("./").removesuffix("/").split("/")
    if len(parts) > MAX_DEPTH:
        raise ProtocolViolation(f"a path has more than {MAX_DEPTH} components")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ProtocolViolation("a path is not UTF-8") from None
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or len(part.encode()) > MAX_NAME:
            raise ProtocolViolation(f"{name[:100]!r} is no path below /home")
    path = "/".join(parts)
    if len(path.encode()) > MAX_PATH:
        raise ProtocolViolation(f"a path is longer than {MAX_PATH} bytes")
    return path


def check_nesting(kinds: Mapping[str, Kind]) -> None:
    """ProtocolViolation where a tar that puts these paths contradicts itself."""
    for path in kinds:
        parent = path.rpartition("/")[0]
        while parent:
            if kinds.get(parent, Kind.DIRECTORY) is not Kind.DIRECTORY:
                raise ProtocolViolation("a tar has an entry below what is no directory")
            parent = parent.rpartition("/")[0]


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"1": Kind.HARDLINK,
    b"2": Kind.SYMLINK,
    b"5": Kind.DIRECTORY,
}


def _entry(header: bytes, kind: bytes, extra: dict[str, str], size: int) -> TarEntry:
    if kind not in _KINDS:
        raise ProtocolViolation(f"a tar has an entry of type {kind!r}")
    what = _KINDS[kind]
    if "path" in extra:
        name = extra["path"]
    else:
        prefix, short = _text(header[345:500]), _text(header[0:100])
        name = f"{prefix}/{short}" if prefix else short
    if what is Kind.FILE and name.endswith("/"):
        raise ProtocolViolation("a file in a tar has the name of a directory")
    target = extra.get("linkpath", _text(header[157:257]))
    if what is Kind.SYMLINK:
        if not target or "\0" in target or len(target.encode()) > MAX_PATH:
            raise ProtocolViolation("a symbolic link in a tar has no usable target")
    elif what is Kind.HARDLINK:
        target = check_path(target)
    else:
        target = ""
    mtime = extra["mtime"].partition(".")[0] if "mtime" in extra else None
    seconds = _octal(header[136:148], "mtime") if mtime is None else _signed(mtime, "mtime")
    return TarEntry(
        check_path(name),
        what,
        _octal(header[100:108], "mode") & 0o777,
        max(0, min(seconds, (1 << 33) - 1)),
        target=target,
    )


def _check_header(header: bytes) -> None:
    if header[257:263] != b"ustar\0" or header[263:265] != b"00":
        raise ProtocolViolation("a tar is not in the ustar format")
    expected = sum(header[:148]) + 8 * 0x20 + sum(header[156:])
    if _octal(header[148:156], "checksum") != expected:
        raise ProtocolViolation("a header of a tar has a wrong checksum")


def _slice(tar: bytes, at: int, size: int) -> bytes:
    if size < 0 or at + size > len(tar):
        raise ProtocolViolation(f"a tar of {len(tar)} bytes ends in the middle of an entry")
    return tar[at : at + size]


def _padded(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK * BLOCK


def _octal(field: bytes, what: str) -> int:
    digits = field.rstrip(b"\0 ").lstrip(b" ")
    if not digits:
        return 0
    if any(digit not in b"01234567" for digit in digits):
        raise ProtocolViolation(f"the {what} in a tar header is no number")
    return int(digits, 8)


def _decimal(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise ProtocolViolation(f"the {what} in a tar header is no number")
    return int(text)


def _signed(text: str, what: str) -> int:
    return -_decimal(text[1:], what) if text.startswith("-") else _decimal(text, what)


def _text(field: bytes) -> str:
    return _utf8(field.partition(b"\0")[0])


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ProtocolViolation("a name in a tar is not UTF-8") from None


def _pax(data: bytes) -> dict[str, str]:
    """Records ``length key=value newline``; only the keys that mean something here."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        digits = data[at : at + 8].partition(b" ")[0]
        length = _decimal(_utf8(digits), "length of a record")
        record = _slice(data, at, length)
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        name = _utf8(key)
        if not equals or record[-1:] != b"\n" or name in found:
            raise ProtocolViolation("an extended header of a tar is damaged")
        if name in _PAX_USED:
            found[name] = _utf8(value)
        elif name not in _PAX_IGNORED:
            raise ProtocolViolation(f"an extended header of a tar has the key {name[:50]!r}")
        at += length
    return found
