"""``hypercell run --dir``: what a program does to a directory, the wasmtime command does too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio
import wasmtime
from c_session import context

from hypercell.kernel.cell import Cell
from hypercell.kernel.config import Config
from hypercell.kernel.languages.c import LANGUAGE
from hypercell.kernel.options import Options
from hypercell.kernel.session import Session

HYPERCELL = [sys.executable, "-m", "hypercell.kernel.cli.main", "run"]

CHANGES = r"""
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static void put(const char *name, const char *mode, const char *text) {
    FILE *file = fopen(name, mode);
    if (!file) { printf("%s: %s\n", name, strerror(errno)); return; }
    fputs(text, file);
    fclose(file);
}
int main(int argc, char **argv) {
    put("/data/new.txt", "w", "new");
    put("/data/old.txt", "a", " and more");
    put("/data/sub/cut.txt", "w", "short");
    mkdir("/data/made", 0777);
    mkdir("/data/made/deep", 0777);
    put("/data/made/deep/f", "w", "deep");
    rename("/data/sub/moved.txt", "/data/made/moved.txt");
    rename("/data/tree", "/data/made/tree");
    unlink("/data/gone.txt");
    rmdir("/data/empty");
    symlink("../old.txt", "/data/made/link");
    link("/data/old.txt", "/data/made/hard");
    unlink("/data/kind"); mkdir("/data/kind", 0777); put("/data/kind/x", "w", "x");
    truncate("/data/big.bin", 70000);
    unlink("/data/through"); symlink("sub", "/data/through");
    put("/data/through/by.txt", "w", "by a link");
    DIR *dir = opendir("/data");
    int count = 0;
    while (readdir(dir)) count++;
    printf("%d\n", count);
    int how = argc > 1 ? atoi(argv[1]) : 0;
    if (how == 1) return 3;
    if (how == 2) abort();
    for (; how == 3;) ;
    return 0;
}
"""


def fill(place: Path) -> Path:
    (place / "sub").mkdir(parents=True)
    (place / "tree" / "leaf").mkdir(parents=True)
    (place / "tree" / "leaf" / "l.txt").write_text("leaf")
    (place / "empty").mkdir()
    for name in ("old.txt", "gone.txt", "kind", "sub/cut.txt", "sub/moved.txt", "same.txt"):
        (place / name).write_text(f"the text of {name}")
    (place / "big.bin").write_bytes(bytes(range(250)) * 1200)
    (place / "through").symlink_to("tree")
    return place


def tree(place: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        else:
            found[name] = path.read_bytes() if path.is_file() else "directory"
    return found


def run(*words: object, cwd: Path | None = None, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*HYPERCELL, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=550,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        **options,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C program as a module, made by our own clang, for us and for the wasmtime package."""
    async with Session(Config()) as session:
        cell = Cell(CHANGES, "c", Options(), label="changes.c")
        built = await LANGUAGE.build(cell, await context(session))
    assert built.wasm is not None
    path = tmp_path_factory.mktemp("program") / "changes.wasm"
    path.write_bytes(built.wasm)
    return path


def run_in_process(program: Path, place: Path, *args: str) -> int:
    """What the wasmtime command does with ``--dir PLACE::/data``."""
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["changes.wasm", *args]
    wasi.stdout_file = str(place.parent / "stdout")
    wasi.preopen_dir(str(place), "/data")
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, str(program)))
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as exited:
        return int(exited.code)
    except wasmtime.Trap:
        return 134
    return 0


@pytest.mark.parametrize(("how", "code"), [(0, 0), (1, 3), (2, 134)])
def test_the_tree_afterwards_is_what_wasmtime_leaves(
    tmp_path: Path, program: Path, how: int, code: int
) -> None:
    ours, theirs = fill(tmp_path / "ours"), fill(tmp_path / "theirs")
    done = run(program, "--dir", f"{ours}::/data", "--", how)
    assert done.returncode == code, done.stderr
    assert run_in_process(program, theirs, str(how)) == code
    assert tree(ours) == tree(theirs)
    assert done.stdout == (tmp_path / "stdout").read_text()
    assert tree(ours)["made/hard"] == b"the text of old.txt and more"
    assert (ours / "made" / "hard").samefile(ours / "old.txt")


def test_a_program_that_is_stopped_changes_nothing_and_says_so(
    tmp_path: Path, program: Path
) -> None:
    data = fill(tmp_path / "data")
    before = tree(data)
    done = run(program, "--dir", f"{data}::/data", "--timeout", "1", "--", 3)
    assert done.returncode == 124
    assert "as it was before" in done.stderr
    assert tree(data) == before


WRITES = r"""
#include <errno.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "w");
        if (!file) printf("%s: %s\n", argv[i], strerror(errno));
        else if (fputs("written", file) < 0 || fclose(file)) printf("%s: not\n", argv[i]);
    }
}
"""


@pytest.fixture
def writes(tmp_path: Path) -> Path:
    path = tmp_path / "writes.c"
    path.write_text(WRITES)
    return path


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("data", "data/out.txt"),
        ("./data", "/data/out.txt"),
        (".", "data/out.txt"),
        ("data::.", "out.txt"),
        ("data::/", "/out.txt"),
        ("data::deep/down", "/deep/down/out.txt"),
    ],
)
def test_names_of_a_directory(tmp_path: Path, writes: Path, given: str, name: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    done = run(writes, "--dir", given, "--", name, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert tree(data) == {"out.txt": b"written"}


def test_several_directories(tmp_path: Path, writes: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    words = ("--dir", "b::/d/in/side", "--dir", "a::/d", "--dir", "c::/e")
    done = run(writes, *words, "--", "/d/1", "/d/in/side/2", "/e/3", "/home/4", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    for name, files in (("a", {"1"}), ("b", {"2"}), ("c", {"3"})):
        assert set(tree(tmp_path / name)) == files
    twice = run(writes, "--dir", "a::/d", "--dir", "b::d/", cwd=tmp_path)
    assert (twice.returncode, "two directories at /d" in twice.stderr) == (125, True)


def test_a_directory_that_is_only_read_is_not_touched(tmp_path: Path) -> None:
    data = fill(tmp_path / "data")

    def marks() -> dict[Path, tuple[int, int, int]]:
        found = {path: path.lstat() for path in data.rglob("*")}
        return {path: (s.st_ino, s.st_mode, s.st_ctime_ns) for path, s in found.items()}

    before = marks()
    source = tmp_path / "reads.c"
    source.write_text('char t[99]; puts(fgets(t, 99, fopen("/data/old.txt", "r")));')
    done = run(source, "--dir", f"{data}::/data")
    assert done.stdout == "the text of old.txt\n", done.stderr
    assert marks() == before


def test_a_hostile_program_stays_inside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "data" / "way").symlink_to("../outside")
    source = tmp_path / "hostile.c"
    source.write_text(
        r"""
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
static void try(const char *name) {
    int fd = open(name, O_WRONLY | O_CREAT, 0666);
    printf("%s %d\n", name, fd >= 0);
    if (fd >= 0) write(fd, "x", 1);
}
int main(void) {
    try("/data/../outside/x"); try("/data/way/x"); try("/etc/x"); try("/data/.wh.x");
    symlink("../outside", "/data/relative");
    symlink("a/../../outside", "/data/later");
    try("/data/relative/x");
    mkdir("/data/a", 0777);
    try("/data/fine\n\x1b[31m");
    unlink("/data/way"); mkdir("/data/way", 0777); try("/data/way/x");
}"""
    )
    done = run(source, "--dir", "data::/data", cwd=tmp_path)
    assert done.returncode == 125
    assert done.stderr.count("could lead out of the directory") == 2
    assert "\x1b" not in done.stderr
    assert not list((tmp_path / "outside").iterdir())
    assert set(tree(tmp_path / "data")) == {"a", "fine\n\x1b[31m", "way", "way/x"}


def test_limits_of_a_directory(tmp_path: Path, writes: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[limits]\ndir = 1000\ndir_files = 3\n")
    environment = {**os.environ, "HYPERCELL_CONFIG": str(config)}
    data = tmp_path / "data"
    data.mkdir()
    (data / "big").write_bytes(bytes(1001))
    done = run(writes, "--dir", f"{data}::/data", env=environment)
    assert (done.returncode, "or 3 files" in done.stderr) == (125, True)
    (data / "big").write_bytes(bytes(990))
    done = run(writes, "--dir", f"{data}::/data", "--", "/data/1", "/data/2", env=environment)
    assert done.stdout, "the third name, or more than 1000 bytes"
    assert len(tree(data)) == 2
    assert (data / "big").read_bytes() == bytes(990)


def test_wrong_directories(tmp_path: Path, writes: Path) -> None:
    for text, message in (
        ("nowhere::/x", "is not a directory"),
        (f"{tmp_path}::/home", "belongs to the cell"),
        ("../x", "HOST::GUEST"),
        ("::/x", "names no directory"),
        (".::", "names no directory"),
        ("~nobody-here::/x", "home directory"),
    ):
        done = run(writes, "--dir", text, cwd=tmp_path)
        assert (done.returncode, message in done.stderr) == (125, True), done.stderr
