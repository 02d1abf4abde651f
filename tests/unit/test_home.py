"""/home on the host: what a VM reports is checked, and taken over all or nothing."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypercell.kernel.errors import FileRefused
from hypercell.kernel.home import Home, HomeEntry, pack
from hypercell.kernel.tar_reader import Kind, TarEntry
from hypercell.vmm.errors import HomeLimitExceeded, ProtocolViolation
from hypercell.vmm.program import Limits

LIMITS = Limits(home_bytes=1000, home_files=10)


def tar(*items: tuple[str, bytes | str | None], kind: bytes | None = None) -> bytes:
    """bytes: a file; str: a symbolic link; None: a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as file:
        for name, content in items:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            if kind is not None:
                info.type = kind
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def home(**files: bytes) -> Home:
    made = Home()
    for name, data in files.items():
        made.write(name, data, Limits())
    return made


def test_write_read_append_remove() -> None:
    made = Home()
    made.write("lib/util.c", b"int x;\n", LIMITS)
    assert made.write("/home/lib/util.c", b"int y;\n", LIMITS, append=True) == 14
    assert made.read("lib/util.c") == b"int x;\nint y;\n"
    assert made.entries()["lib"].kind is Kind.DIRECTORY
    made.remove("lib")
    assert not made.entries()


def test_remove_is_all_or_nothing() -> None:
    made = home(a=b"1", b=b"2")
    with pytest.raises(FileRefused):
        made.remove("a", "nothing")
    assert set(made.files()) == {"a", "b"}
    made.remove("a", "b", "a")
    assert not made.entries()


@pytest.mark.parametrize(
    "name", ["", "..", "a/../b", "/etc/passwd", "/home", "/home/", "a//b", "a\0b", "x" * 256, "./."]
)
def test_names_that_leave_home_are_refused(name: str) -> None:
    with pytest.raises(FileRefused):
        Home().write(name, b"", LIMITS)


def test_a_file_is_not_written_through_a_link() -> None:
    made = Home()
    made.apply(tar(("link", "/etc")), LIMITS)
    with pytest.raises(FileRefused):
        made.write("link/passwd", b"", LIMITS)
    with pytest.raises(FileRefused):
        made.read("link")


def test_tar_round_trip() -> None:
    made = Home()
    made.apply(tar(("d", None), ("d/ä" + "x" * 120, b"1"), ("l", "d"), ("empty", b"")), LIMITS)
    other = Home()
    other.apply(made.tar(), LIMITS)
    assert other.entries() == made.entries()
    assert made.tar() is made.tar()


def test_delta_adds_changes_and_deletes() -> None:
    made = home(a=b"1", b=b"2")
    made.write("d/x", b"3", LIMITS)
    made.write("d/y", b"4", LIMITS)
    assert made.apply(tar((".wh.a", b""), ("b", b"new"), ("d/.wh.x", b""), ("e/f", b"5")), LIMITS)
    assert made.files() == {"b": b"new", "d/y": b"4", "e/f": b"5"}


def test_opaque_directory() -> None:
    made = Home()
    made.write("d/x", b"3", LIMITS)
    made.apply(tar(("d/new", b"1"), ("d/.wh..wh..opq", b"")), LIMITS)
    assert made.files() == {"d/new": b"1"}


def test_a_file_replaces_a_directory_and_the_other_way() -> None:
    made = Home()
    made.write("d/x", b"3", LIMITS)
    made.apply(tar(("d", b"file")), LIMITS)
    assert made.files() == {"d": b"file"}
    made.apply(tar(("d", None), ("d/y", b"1")), LIMITS)
    assert made.files() == {"d/y": b"1"}


def test_a_tar_that_contradicts_itself_changes_nothing() -> None:
    made = home(a=b"1")
    for items in ((("b", b"2"), ("b/c", b"3")), (("b/c", b"3"), ("b", "a"))):
        with pytest.raises(ProtocolViolation, match="below what is no directory"):
            made.apply(tar(*items), LIMITS)
    assert made.files() == {"a": b"1"}


class Counted(str):
    """A path that counts how often it is looked at."""

    looks = 0

    def startswith(self, *given: Any) -> bool:
        Counted.looks += 1
        return super().startswith(*given)

    def rpartition(self, *given: Any) -> Any:
        Counted.looks += 1
        return super().rpartition(*given)


def test_many_deletions_look_at_each_path_a_few_times() -> None:
    """A guest can send 9000; with as many files to compare each with it took the kernel seconds."""
    made = Home()
    count = 300
    made._entries = {Counted(f"d{n}"): HomeEntry(Kind.DIRECTORY) for n in range(count)}
    deletions = [f"d{n}/.wh..wh..opq" for n in range(count)]
    replaced = [f"d{n}" for n in range(count)]
    for names in (deletions, replaced):
        Counted.looks = 0
        made.take([TarEntry(name, Kind.FILE, 0o644, 0) for name in names], Limits())
        assert Counted.looks <= 4 * count
    assert len(made.files()) == count


def test_nothing_changed() -> None:
    made = home(a=b"1")
    version = made.version
    assert not made.apply(b"", LIMITS)
    assert not made.apply(bytes(1024), LIMITS)
    assert made.version == version


def test_hard_links_are_resolved_within_home_only() -> None:
    buffer = io.BytesIO(tar(("a", b"data")))
    with tarfile.open(fileobj=buffer, mode="a", format=tarfile.PAX_FORMAT) as file:
        info = tarfile.TarInfo("b")
        info.type, info.linkname = tarfile.LNKTYPE, "a"
        file.addfile(info)
    made = Home()
    made.apply(buffer.getvalue(), LIMITS)
    assert made.files() == {"a": b"data", "b": b"data"}


def hardlink(target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as file:
        info = tarfile.TarInfo("b")
        info.type, info.linkname = tarfile.LNKTYPE, target
        file.addfile(info)
    return buffer.getvalue()


def patched(data: bytes, at: int, value: bytes) -> bytes:
    """A tar whose first header is changed and has a right checksum again."""
    header = bytearray(data[:512])
    header[at : at + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


HOSTILE = {
    "dot dot": tar(("../x", b"")),
    "dot dot inside": tar(("a/../../x", b"")),
    "absolute": tar(("/etc/passwd", b"")),
    "empty name": patched(tar(("a", b"")), 0, b"\0"),
    "not UTF-8": patched(tar(("a", b"")), 0, b"\xff"),
    "deep": tar(("/".join("a" * 65), b"")),
    "long component": tar(("x" * 256, b"")),
    "character device": tar(("x", b""), kind=tarfile.CHRTYPE),
    "block device": tar(("x", b""), kind=tarfile.BLKTYPE),
    "pipe": tar(("x", b""), kind=tarfile.FIFOTYPE),
    "sparse": tar(("x", b""), kind=tarfile.GNUTYPE_SPARSE),
    "contiguous": tar(("x", b""), kind=tarfile.CONTTYPE),
    "global header": tar(("x", b""), kind=tarfile.XGLTYPE),
    "directory with data": patched(tar(("x", b"data")), 156, b"5"),
    "size in base 256": patched(tar(("x", b"")), 124, b"\x80" + bytes(10) + b"\x05"),
    "size negative": patched(tar(("x", b"")), 124, b"-1\0"),
    "size beyond the end": patched(tar(("x", b"")), 124, b"77777777777\0"),
    "wrong checksum": b"y" + tar(("x", b""))[1:],
    "gnu magic": patched(tar(("x", b"")), 257, b"ustar  \0"),
    "cut in a header": tar(("x", b""))[:300],
    "cut in a file": tar(("x", b"a" * 600))[:1024],
    "after the end": tar(("x", b"")) + b"x",
    "twice": tar(("x", b"1"), ("x", b"2")),
    "link to nothing": hardlink("nothing"),
    "link out": hardlink("../../etc/passwd"),
    "link absolute": hardlink("/etc/passwd"),
    "whiteout of nothing": tar((".wh.", b"")),
    "whiteout of dot dot": tar((".wh...", b"")),
    "whiteout of a whiteout": tar((".wh..wh.x", b"")),
    "whiteout with data": tar((".wh.x", b"1")),
    "whiteout directory": tar((".wh.x/y", b"1")),
    "random": b"\x01" * 1536,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tars_change_nothing(name: str) -> None:
    made = home(keep=b"1")
    with pytest.raises(ProtocolViolation):
        made.apply(HOSTILE[name], LIMITS)
    assert made.files() == {"keep": b"1"}


def test_a_pax_path_is_checked_too() -> None:
    data = tar(("x" * 150 + "/../y", b""))
    assert b"path=" in data
    with pytest.raises(ProtocolViolation):
        Home().apply(data, LIMITS)


@pytest.mark.parametrize("record", [b"5 a=\n", b"99999 path=x\n", b"x path=y\n", b"12 path=xyz!"])
def test_damaged_pax_records(record: bytes) -> None:
    data = patched(tar(("x", record)), 156, b"x")
    with pytest.raises(ProtocolViolation):
        Home().apply(data + tar(("y", b"")), LIMITS)


def test_limits_are_all_or_nothing() -> None:
    made = home(keep=b"1")
    with pytest.raises(HomeLimitExceeded):
        made.apply(tar(("a", b"1"), ("big", bytes(1001))), LIMITS)
    with pytest.raises(HomeLimitExceeded):
        made.apply(tar(*((f"f{n}", b"") for n in range(10))), LIMITS)
    with pytest.raises(HomeLimitExceeded):
        made.write("big", bytes(1001), LIMITS)
    assert made.files() == {"keep": b"1"}


def check(made: Home) -> None:
    assert sum(map(len, made.files().values())) <= LIMITS.home_bytes
    for path in made.entries():
        parts = path.split("/")
        assert all(part not in ("", ".", "..") and "\0" not in part for part in parts)
        for depth in range(1, len(parts)):
            assert made.entries()["/".join(parts[:depth])].kind is Kind.DIRECTORY
    again = Home()
    again.apply(pack(made.entries()), LIMITS)
    assert again.entries() == made.entries()


@given(st.binary(max_size=3000))
@example(b"")
def test_any_bytes(data: bytes) -> None:
    made = home(keep=b"1")
    try:
        made.apply(data, LIMITS)
    except (ProtocolViolation, HomeLimitExceeded):
        assert made.files() == {"keep": b"1"}
    check(made)


NAMES = st.sampled_from(
    ["a", "a/b", "a/b/c", "d", ".wh.a", "a/.wh.b", ".wh..wh..opq", "..", "ä", "x" * 120, "a/"]
)
CONTENT = st.one_of(st.binary(max_size=600), st.sampled_from(["a", "/etc", "../.."]), st.none())


@given(
    st.lists(st.tuples(NAMES, CONTENT), max_size=6),
    st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=4)), max_size=3),
)
@settings(max_examples=300)
def test_nearly_good_tars(
    items: list[tuple[str, bytes | str | None]], damage: list[tuple[int, bytes]]
) -> None:
    data = tar(*items)
    for at, value in damage:
        data = data[:at] + value + data[at + len(value) :]
    made = home(a=b"1", keep=b"2")
    before = dict(made.entries())
    try:
        made.apply(data, LIMITS)
    except (ProtocolViolation, HomeLimitExceeded):
        assert made.entries() == before
    check(made)
