"""Writing back into a directory of this machine: what a hostile guest cannot do with its tar."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import stat
import tarfile
import threading
import time
from pathlib import Path

import pytest

from hypercell.kernel.pack import open_directory, pack_tree
from hypercell.kernel.write_back import write_back
from hypercell.vmm.errors import ProtocolViolation

LINK, HARD, DIRECTORY = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory, and beside it what must never change."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    inside = tmp_path / "inside"
    (inside / "d" / "e").mkdir(parents=True)
    (inside / "old").write_text("old")
    (inside / "d" / "f").write_text("f")
    (inside / "d" / "e" / "g").write_text("g")
    return inside


def tar(*entries: tuple[str, bytes] | tuple[str, bytes, str], mtime: int = 0) -> bytes:
    """(name, data), or (name, type, target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, what, *target in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime = 0o7777, mtime or int(time.time())
            if target:
                info.type, info.linkname = what, target[0]
                made.addfile(info)
            else:
                info.size = len(what)
                made.addfile(info, io.BytesIO(what))
    return buffer.getvalue()


def pack(place: Path) -> frozenset[str]:
    fd = open_directory(place)
    try:
        return pack_tree(fd, place).seen
    finally:
        os.close(fd)


def apply(place: Path, delta: bytes, seen: frozenset[str] | None = None) -> list[str]:
    seen = pack(place) if seen is None else seen
    fd = open_directory(place)
    try:
        return write_back(fd, delta, seen, began=time.time() - 5, max_files=100)
    finally:
        os.close(fd)
        assert (place.parent / "outside" / "secret").read_text() == "secret"
        assert os.listdir(place.parent / "outside") == ["secret"]
        assert sorted(os.listdir(place.parent)) == ["inside", "outside"]
        assert not list(place.rglob(".hypercell-*")), "a temporary file stayed"


def tree(place: Path) -> dict[str, str]:
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_text()
    return found


def test_changes_arrive(place: Path) -> None:
    delta = tar(
        (".wh.old", b""),
        ("d/e/.wh.g", b""),
        ("d/f", b"changed"),
        ("n", DIRECTORY, ""),
        ("n/new", b"x" * 3000),
        ("n/same", HARD, "n/new"),
        ("n/up", LINK, "../d/f"),
    )
    assert apply(place, delta) == []
    assert tree(place) == {
        "d/f": "changed",
        "n/new": "x" * 3000,
        "n/same": "x" * 3000,
        "n/up": "-> ../d/f",
    }
    assert (place / "n/new").samefile(place / "n/same")
    assert apply(place, b"") == []


def test_a_file_becomes_a_directory_and_the_other_way(place: Path) -> None:
    delta = tar(
        (".wh.d", b""), ("d", b"file"), (".wh.old", b""), ("old", DIRECTORY, ""), ("old/x", b"1")
    )
    assert apply(place, delta) == []
    assert tree(place) == {"d": "file", "old/x": "1"}


def test_permissions_and_times(place: Path) -> None:
    (place / "old").chmod(0o640)
    os.umask(mask := os.umask(0))
    apply(place, tar(("old", b"1"), ("new", b"2"), mtime=1000))
    assert stat.S_IMODE((place / "old").stat().st_mode) == 0o640
    assert stat.S_IMODE((place / "new").stat().st_mode) == 0o666 & ~mask, "no setuid, no setgid"
    assert (place / "new").stat().st_mtime == 1000
    apply(place, tar(("new", b"3")))
    assert (place / "new").stat().st_mtime > time.time() - 60


@pytest.mark.parametrize(
    "delta",
    [
        tar(("../x", b"")),
        tar(("/x", b"")),
        tar(("d/../../x", b"")),
        tar(("d/./x", b"")),
        tar(("a" * 300, b"")),
        tar(("/".join("a" * 70), b"")),
        tar(("x", b"1")).replace(b"x\0\0", b"\xff\0\0", 1),
        tar(("twice", b"1"), ("twice", b"2")),
        tar(("s", LINK, "/etc"), ("s/passwd", b"through the link")),
        tar(("s", LINK, "d"), ("s/f", b"through the link")),
        tar(("file", b""), ("file/below", b"1")),
        tar(("h", HARD, "/etc/passwd")),
        tar(("h", HARD, "../outside/secret")),
        tar(("h", HARD, "old")),
        tar(("s", LINK, "d"), ("h", HARD, "s")),
        tar(("fifo", tarfile.FIFOTYPE, "")),
        tar(("null", tarfile.CHRTYPE, "")),
        tar(("sda", tarfile.BLKTYPE, "")),
        tar((".wh..wh..opq", b"")),
        tar((".wh...", b"")),
        tar((".wh.", b"")),
        tar((".wh.old", b"data")),
        tar((".wh.x/y", b"")),
        tar(("big", b"1"))[:700],
        tar(*((f"f{number}", b"") for number in range(1300))),
        b"\xff" * 1024,
    ],
    ids=range(26),
)
def test_a_hostile_tar_touches_nothing(place: Path, delta: bytes) -> None:
    before = tree(place)
    with pytest.raises(ProtocolViolation):
        apply(place, delta)
    assert tree(place) == before


@pytest.mark.parametrize("size", ["77777777777", "9223372036854775807", "18446744073709551616"])
def test_lies_about_sizes(place: Path, size: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        info = tarfile.TarInfo("x")
        info.pax_headers = {"size": size}
        made.addfile(info)
    with pytest.raises(ProtocolViolation):
        apply(place, buffer.getvalue())


@pytest.mark.parametrize(
    ("path", "target", "made"),
    [
        ("l", "old", True),
        ("l", "./d//e/", True),
        ("l", "missing", True),
        ("d/e/l", "../../old", True),
        ("l", "..", False),
        ("d/l", "../..", False),
        ("d/l", "e/../f", False),  # e may be a link one day
        ("l", "/etc/passwd", False),
        ("l", "d/../../outside/secret", False),
    ],
)
def test_symbolic_links_stay_inside(place: Path, path: str, target: str, made: bool) -> None:
    problems = apply(place, tar((path, LINK, target), ("after", b"1")))
    assert (place / path).is_symlink() == made
    assert len(problems) == (not made)
    assert (place / "after").read_text() == "1"


def test_a_link_that_somebody_plants_is_not_followed(place: Path) -> None:
    seen = pack(place)
    (place / "d" / "e" / "g").unlink()
    (place / "d" / "e").rmdir()
    (place / "d" / "e").symlink_to("../../outside")
    (place / "old").unlink()
    (place / "old").symlink_to("../outside/secret")
    delta = tar(("d/e/g", b"attack"), ("d/e/secret", b"attack"), ("old", b"mine"), ("d/.wh.f", b""))
    problems = apply(place, delta, seen)
    assert len(problems) == 2
    assert all("no directory" in problem for problem in problems)
    assert (place / "old").read_text() == "mine"
    assert not (place / "old").is_symlink()
    assert apply(place, tar(("d/e/.wh.g", b"")), seen), "nothing is deleted through it"


def test_a_race_for_a_directory_is_lost_by_nobody_outside(place: Path) -> None:
    """Another process turns a directory into a link and back all the time."""
    seen = pack(place)
    aside = place / "aside"
    delta = tar(("d/e/.wh.g", b""), ("d/e/secret", b"attack"), ("d/e/n/new", b"1"))
    stop = threading.Event()

    def swap() -> None:
        here, count = place / "d", 0
        while not stop.is_set():
            with contextlib.suppress(OSError):
                here.rename(aside)
                here.symlink_to("../outside")
                here.unlink()
                aside.rename(here)
            if aside.exists():  # the writer made it anew meanwhile
                count += 1
                with contextlib.suppress(OSError):
                    here.rename(place / f"made{count}")
                with contextlib.suppress(OSError):
                    aside.rename(here)

    (place.parent / "outside" / "e").mkdir()
    thread = threading.Thread(target=swap)
    thread.start()
    root = open_directory(place)
    try:
        with contextlib.suppress(OSError):
            for _ in range(300):
                write_back(root, delta, seen, began=0, max_files=100)
    finally:
        stop.set()
        thread.join()
        os.close(root)
    assert sorted(path.name for path in (place.parent / "outside").rglob("*")) == ["e", "secret"]
    assert (place.parent / "outside" / "secret").read_text() == "secret"


def test_hard_links_out_of_the_directory_are_cut_not_written_through(place: Path) -> None:
    (place / "h").hardlink_to(place.parent / "outside" / "secret")
    assert apply(place, tar(("h", b"attack"))) == []
    assert (place / "h").read_text() == "attack"


def test_only_what_the_program_saw_is_deleted(place: Path) -> None:
    seen = pack(place)
    (place / "d" / "e" / "meanwhile").write_text("1")
    (place / "new").write_text("2")
    problems = apply(place, tar((".wh.d", b""), (".wh.new", b"")), seen)
    assert tree(place) == {"d/e/meanwhile": "1", "new": "2", "old": "old"}
    assert len(problems) == 1
    assert "did not see" in problems[0]


def test_special_files_and_read_only_ones_are_left(place: Path, monkeypatch) -> None:
    os.mkfifo(place / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(place)
        server.bind("socket")
    assert not {"fifo", "socket"} & pack(place)
    problems = apply(place, tar(("fifo", b"1"), ("socket", LINK, "old"), ("d", b"file")))
    assert [problem.partition(":")[0] for problem in problems] == ["fifo", "socket", "d"]
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert "read-only" in apply(place, tar(("old", b"1")))[0]
    assert (place / "old").read_text() == "old"


def test_names_in_messages_are_harmless(place: Path) -> None:
    (problem,) = apply(place, tar(("a\n\x1b[31mb", LINK, "/\x1b]0;x")))
    assert problem.isprintable()


def test_odd_names_are_written(place: Path) -> None:
    assert apply(place, tar(("new\nline", b"1"), ("-rf *", b"2"), ("ä/ö", b"3"))) == []
    assert {"new\nline", "-rf *", "ä/ö"} <= set(tree(place))


def test_a_full_disk_deletes_nothing(place: Path, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    (problem,) = apply(place, tar((".wh.d", b""), ("old", b"1"), ("x", b"2")))
    assert "the rest was not written" in problem
    assert tree(place) == {"d/e/g": "g", "d/f": "f", "old": "old"}


def test_what_is_packed(place: Path) -> None:
    os.mkfifo(place / "fifo")
    (place / ".wh.odd").write_text("")
    (place / "l").symlink_to("/etc")
    (place / "h").hardlink_to(place / "old")
    with open(os.fsencode(place) + b"/\xff", "w"):
        pass
    fd = open_directory(place)
    packed = pack_tree(fd, place)
    os.close(fd)
    assert packed.seen == {"d", "d/e", "d/e/g", "d/f", "h", "l", "old"}
    with tarfile.open(fileobj=io.BytesIO(packed.tar)) as read:
        kinds = {member.name: member.type for member in read}
    assert set(kinds) == packed.seen
    assert (kinds["h"], kinds["old"], kinds["l"]) == (tarfile.REGTYPE, HARD, LINK)
