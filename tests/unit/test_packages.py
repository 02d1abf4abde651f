"""``%pip``: what a cell may ask for, and wheels from strangers."""

from __future__ import annotations

import contextlib
import io
import random
import stat
import struct
import tarfile
import warnings
import zipfile

import pytest

from hypercell.kernel.errors import GrantMissing, PackageRefused, UsageError
from hypercell.kernel.packages import installed
from hypercell.kernel.packages import wheel as wheels
from hypercell.kernel.packages.installed import Packages
from hypercell.kernel.packages.requirement import check_granted, parse
from hypercell.kernel.packages.wheel import read_wheel

NAME = "thing-1.0-py3-none-any.whl"
PURE = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
METADATA = "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"


def wheel(
    *files: tuple[str | zipfile.ZipInfo, bytes],
    name: str = "thing",
    tags: str = PURE,
    metadata: str = METADATA,
) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")  # two files of one name
        for path, data in files:
            made.writestr(path, data)
        made.writestr(f"{name}-1.0.dist-info/WHEEL", tags)
        made.writestr(f"{name}-1.0.dist-info/METADATA", metadata)
    return buffer.getvalue()


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("six", "six"),
        ("A_b.C", "a-b-c"),
        ("rich[jupyter,x]", "rich"),
        ("attrs>=23,<30", "attrs"),
        ("attrs ~= 23.1", "attrs"),
        ("x==1.*", "x"),
    ],
)
def test_requirements(word: str, name: str) -> None:
    (found,) = parse(["-q", word])
    assert found.name == name
    assert " " not in found.text


@pytest.mark.parametrize(
    "word",
    [
        "--index-url=https://example.org",
        "-e",
        "-r",
        "-rfile",
        "--",
        "https://example.org/x.whl",
        "x @ https://example.org/x.whl",
        "git+https://example.org/x",
        "./x",
        "/etc/passwd",
        "x.whl/..",
        "x; python_version > '3'",
        "x\n--index-url=y",
        "x>=1 --hash=sha256:0",
        "",
        ".",
        "*",
        "x" * 101,
        "\u017fix",
        "x>=1" + ",>=1" * 20,
    ],
)
def test_anything_else_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        parse(["six", word])


def test_nothing_and_too_much() -> None:
    for words in ([], ["-q"], [f"x{number}" for number in range(21)]):
        with pytest.raises(UsageError):
            parse(words)


async def test_only_what_is_granted() -> None:
    check_granted(parse(["Foo_bar", "six>1"]), ["foo.bar", "six"])
    check_granted(parse(["anything"]), ["*"])
    for granted in ([], ["six"]):
        with pytest.raises(GrantMissing) as caught:
            await Packages(granted).install(["six", "attrs"])
        assert 'packages = ["' in caught.value.hint


def test_a_pure_wheel() -> None:
    data = wheel(
        ("thing/__init__.py", b"x = 1"),
        ("thing-1.0.data/purelib/more.py", b"y = 2"),
        ("thing-1.0.data/scripts/run", b"#!python"),
        ("thing-1.0.data/data/etc/passwd", b""),
        ("hook.pth", b"import os; os.abort()"),
        ("thing/data.pth", b"not one"),
    )
    found = read_wheel(data, NAME)
    assert (found.name, found.version) == ("thing", "1.0")
    assert set(found.files) == {
        "thing/__init__.py",
        "thing/data.pth",
        "more.py",
        "thing-1.0.dist-info/WHEEL",
        "thing-1.0.dist-info/METADATA",
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\5\6" + bytes(18),
        wheel()[:-30],
        wheel(("../x.py", b"")),
        wheel(("/x.py", b"")),
        wheel(("a/../../x.py", b"")),
        wheel(("a//x.py", b"")),
        wheel(("./x.py", b"")),
        wheel(("a\\..\\x.py", b"")),
        wheel(("x" * 300, b"")),
        wheel((".wh.os.py", b"")),
        wheel(("a/.wh..wh..opq", b"")),
        wheel(("x.py", b"1"), ("x.py", b"2")),
        wheel(("x", b"1"), ("x/y", b"2")),
        wheel((entry("x.py", stat.S_IFLNK | 0o777), b"/etc/passwd")),
        wheel((entry("x.py", stat.S_IFCHR | 0o666), b"")),
        wheel((entry("x.py", stat.S_IFIFO | 0o666), b"")),
        wheel(("x.so", b"")),
        wheel(("a/x.cpython-314-wasm32-wasi.so", b"")),
        wheel(("thing-1.0.data/platlib/x.py", b"")),
        wheel(("other-1.0.dist-info/WHEEL", PURE.encode())),
        wheel(metadata=METADATA.replace("thing", "other")),
        wheel(tags=PURE.replace("true", "false")),
        wheel(tags=PURE.replace("none-any", "cp314-linux_x86_64")),
        wheel(tags=""),
        wheel(("x.py", b"text")).replace(b"x.py", b"x\0py"),
    ],
    ids=range(26),
)
def test_other_wheels_are_refused(data: bytes) -> None:
    with pytest.raises(PackageRefused) as caught:
        read_wheel(data, NAME)
    assert caught.value.message.isprintable()


def test_an_offset_beyond_all_memory() -> None:
    data = bytearray(wheel(("x.py", b"")))
    entry_at, end_at = data.index(b"PK\1\2"), data.rindex(b"PK\5\6")
    name_size = int.from_bytes(data[entry_at + 28 : entry_at + 30], "little")
    wide = struct.pack("<HHQ", 1, 8, (1 << 64) - 1)  # ZIP64: where the file begins
    struct.pack_into("<H", data, entry_at + 30, len(wide))
    struct.pack_into("<I", data, entry_at + 42, 0xFFFF_FFFF)
    size = int.from_bytes(data[end_at + 12 : end_at + 16], "little")
    struct.pack_into("<I", data, end_at + 12, size + len(wide))
    behind = entry_at + 46 + name_size
    data[behind:behind] = wide
    with pytest.raises(PackageRefused, match="is no wheel"):
        read_wheel(bytes(data), NAME)


def test_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = wheel(("x.py", bytes(3 << 20)))
    assert len(bomb) < 10_000
    monkeypatch.setattr(wheels, "MAX_BYTES", 2 << 20)
    with pytest.raises(PackageRefused, match="would be more than"):
        read_wheel(bomb, NAME)
    # The directory says less than what comes out of it.
    lie = bomb.replace((3 << 20).to_bytes(4, "little"), (1 << 10).to_bytes(4, "little"))
    with pytest.raises(PackageRefused):
        read_wheel(lie, NAME)
    monkeypatch.setattr(wheels, "MAX_FILES", 5)
    with pytest.raises(PackageRefused, match="more than 5 files"):
        read_wheel(wheel(*((f"x{number}", b"") for number in range(5))), NAME)


def test_a_long_directory_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB have room for over a million entries; of each the library makes an object."""
    full = wheel(*((f"x{number}", b"") for number in range(20)))
    monkeypatch.setattr(wheels, "MAX_FILES", 5)
    monkeypatch.setattr(wheels.zipfile, "ZipFile", None)
    with pytest.raises(PackageRefused, match="more than 5 files"):
        read_wheel(full, NAME)


def test_damaged_at_random() -> None:
    good = wheel(("thing/__init__.py", b"x = 1" * 50), ("thing-1.0.data/purelib/more.py", b""))
    rng = random.Random(5)  # noqa: S311
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(data))
            if rng.random() < 0.7:
                data[at] = rng.choice((0, 255, 46, 47, rng.randrange(256)))
            else:
                del data[at : at + rng.randint(1, 8)]
        with contextlib.suppress(PackageRefused):
            read_wheel(bytes(data), NAME)


def names(packages: Packages, layer: int) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(packages.layers[layer].read())) as tar:
        return {member.name.removeprefix(f"{installed.SITE[1:]}/") for member in tar}


def test_layers_of_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = Packages(["*"])
    (new,) = packages._add([(NAME, wheel(("thing/a.py", b"1"), ("thing/b.py", b"2")))])
    assert len(new.sha256) == 64
    assert packages._add([(NAME, wheel(("thing/a.py", b"1"), ("thing/b.py", b"2")))]) == []
    later = wheel(("thing/a.py", b"3"), metadata=METADATA.replace("1.0", "2.0"))
    packages._add([(NAME, later)])
    assert names(packages, 0) >= {"thing/a.py", "thing/b.py"}
    assert names(packages, 1) >= {"thing/a.py", "thing/.wh.b.py"}
    assert [(one.name, one.version) for one in packages.rows()] == [("thing", "2.0")]
    first = wheel(("both/a.py", b"1"))
    other = METADATA.replace("thing", "other")
    second = wheel(("both", b"2"), name="other", metadata=other)
    for pair in ((first, second), (second, first)):
        named = [(NAME if one is first else NAME.replace("thing", "other"), one) for one in pair]
        with pytest.raises(PackageRefused, match="a file of one package and a directory of"):
            packages._add(named)
    monkeypatch.setattr(installed, "MAX_BYTES", 10)
    with pytest.raises(PackageRefused, match="of this session"):
        packages._add([(NAME, wheel(("thing/c.py", bytes(20))))])
    assert len(packages.layers) == 2
