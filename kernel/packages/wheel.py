"""A wheel taken apart. It is hostile: a zip from strangers; nothing of it is run on the host."""

from __future__ import annotations

import email.parser
import io
import stat
import zipfile
import zlib
from collections.abc import Mapping

import msgspec

from hypercell.kernel.errors import PackageRefused
from hypercell.kernel.packages.requirement import normal
from hypercell.kernel.safe_text import safe_name
from hypercell.kernel.sizes import format_size
from hypercell.kernel.tar_reader import check_path
from hypercell.kernel.whiteouts import WHITEOUT
from hypercell.vmm.errors import ProtocolViolation

MAX_BYTES = 128 << 20  # of its files, unpacked
MAX_FILES = 10_000
_MAX_METADATA = 4 << 20
_NATIVE = (".so", ".pyd", ".dll", ".dylib", ".a", ".o")
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError),
    OverflowError,  # an offset of 64 bits
)
_ENTRY = b"PK\1\2"  # of a zip's directory
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Wheel(msgspec.Struct, frozen=True):
    """``files``: path below ``site-packages`` -> bytes."""

    name: str
    version: str
    files: Mapping[str, bytes]


def read_wheel(data: bytes, file_name: str) -> Wheel:
    """The files of a pure wheel. PackageRefused for anything that is not a plain one.

    Scripts, headers and ``.pth`` files are left out: nothing of a package runs unasked.
    """
    shown = safe_name(file_name)
    if data.count(_ENTRY) > MAX_FILES:  # the library would make an object of each, before we look
        raise PackageRefused(f"{shown} has more than {MAX_FILES} files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = _files(archive, shown)
    except _DAMAGED as error:
        raise PackageRefused(f"{shown} is no wheel: {safe_name(str(error))}") from None
    name, version = _identity(files, shown)
    return Wheel(name, version, _placed(files, shown))


def _files(archive: zipfile.ZipFile, shown: str) -> dict[str, bytes]:
    members = archive.infolist()
    if len(members) > MAX_FILES:
        raise PackageRefused(f"{shown} has more than {MAX_FILES} files")
    files: dict[str, bytes] = {}
    total = 0
    for member in members:
        if member.filename.endswith("/"):
            continue
        path = _path(member, shown)
        if path in files:
            raise PackageRefused(f"{shown} has two files with the name {safe_name(path)}")
        if path.endswith(_NATIVE):
            raise _impure(shown, f"it has {safe_name(path)}")
        total += member.file_size
        if total > MAX_BYTES:
            raise PackageRefused(f"{shown} would be more than {format_size(MAX_BYTES)}")
        with archive.open(member) as file:
            # At most what the directory claims, which is what was counted.
            files[path] = file.read(member.file_size)
            if len(files[path]) != member.file_size or file.read(1):
                raise PackageRefused(f"{shown} lies about the size of {safe_name(path)}")
    for path in files:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in files:
                raise PackageRefused(f"{shown}: {safe_name(parent)} is a file and a directory")
            parent = parent.rpartition("/")[0]
    return files


def _path(member: zipfile.ZipInfo, shown: str) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    plain = kind in (0, stat.S_IFREG) and member.compress_type in _METHODS
    # ZipInfo cuts names at a NUL and turns backslashes: what was written must be what is used.
    same = member.orig_filename == member.filename and "\\" not in member.filename
    if not plain or not same or member.flag_bits & 0x1:
        raise PackageRefused(f"{shown} has {safe_name(member.filename)}, which is no plain file")
    try:
        path = check_path(member.filename)
    except (ProtocolViolation, UnicodeEncodeError):
        path = ""
    if path != member.filename or any(part.startswith(WHITEOUT) for part in path.split("/")):
        raise PackageRefused(f"{shown} has a file with the path {safe_name(member.filename)}")
    return path


def _identity(files: Mapping[str, bytes], shown: str) -> tuple[str, str]:
    """Name and version in its metadata; PackageRefused if it is not pure, or says another name."""
    places = [path.rpartition("/")[0] for path in files if path.endswith(".dist-info/WHEEL")]
    if len(places) != 1 or "/" in places[0] or f"{places[0]}/METADATA" not in files:
        raise PackageRefused(f"{shown} is no wheel: it has not the metadata of one package")
    wheel, metadata = (_headers(files[f"{places[0]}/{name}"]) for name in ("WHEEL", "METADATA"))
    tags = wheel.get_all("Tag", [])
    pure = str(wheel.get("Root-Is-Purelib", "")).lower() == "true"
    if not pure or not tags or not all(str(tag).endswith("-none-any") for tag in tags):
        raise _impure(shown, "its metadata says so")
    name, version = str(metadata.get("Name", "")), str(metadata.get("Version", ""))
    if normal(name) != normal(shown.partition("-")[0]) or not name.isprintable():
        raise PackageRefused(f"{shown} calls itself {safe_name(name)}")
    return normal(name), safe_name(version)[:100]


def _headers(data: bytes) -> email.message.Message:
    text = data[:_MAX_METADATA].decode("utf-8", "replace")
    return email.parser.HeaderParser().parsestr(text)


def _placed(files: Mapping[str, bytes], shown: str) -> dict[str, bytes]:
    """The files that are imported, where they belong."""
    placed: dict[str, bytes] = {}
    for path, data in files.items():
        top, _, rest = path.partition("/")
        if top.endswith(".data"):
            kind, _, rest = rest.partition("/")
            if kind == "platlib":
                raise _impure(shown, f"it has {safe_name(path)}")
            if kind != "purelib" or not rest:
                continue  # scripts, headers, data: nothing that is imported
            path = rest
        if "/" not in path and path.endswith(".pth"):
            continue
        placed[path] = data
    return placed


def _impure(shown: str, why: str) -> PackageRefused:
    return PackageRefused(
        f"{shown} is not pure Python: {why}",
        hint="only pure-Python packages run in the VM's CPython",
    )
