"""Sequences of WASI calls: mostly ones that find something, now and then hostile ones."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from differential.steps import MEMORY, OUT, SIGNATURES, At, Slot, Step

ALL: Final = (1 << 28) - 1
READ: Final = 1 << 1
WRITE: Final = 1 | 1 << 6 | 1 << 8 | 1 << 22  # what wasi-libc leaves out for O_RDONLY
READ_ONLY: Final = ALL & ~WRITE
RIGHTS: Final = (ALL, ALL & ~WRITE, ALL & ~READ, ALL & ~READ & ~WRITE)
BIG: Final = (0, 1, 1 << 31, 1 << 32, 1 << 62, 1 << 63, (1 << 64) - 1)
QUOTA_AND_MORE: Final = (1 << 21, 1 << 40)

_component = st.sampled_from([b"a", b"a", b"b", b"c", b"d", b"l", "\u00e9".encode(), b".", b".."])
_plain = st.builds(
    lambda parts, slashes: b"/".join(parts) + slashes,
    st.lists(_component, min_size=1, max_size=3),
    st.sampled_from([b"", b"", b"", b"", b"/", b"//"]),
)
_odd = st.sampled_from(
    [
        *b"|/|/a|//|a//b|./a|a/.|../a|a/../b|a/../../a|a\0b|\0|\xff|a\xc3".split(b"|"),
        *(b"x" * 251, b"x" * 256, b"a/" * 2047 + b"a", b"a/" * 2050),
    ]
)
_outside = st.sampled_from([At(MEMORY - 1, 2), At(MEMORY, 1), At(0xFFFF_FFFF, 2), At(0, 1 << 31)])


def _mostly(usual: st.SearchStrategy, rare: st.SearchStrategy, ratio: int) -> st.SearchStrategy:
    return st.integers(0, ratio).flatmap(lambda n: rare if n == ratio else usual)


_name = st.sampled_from([b"a", b"b", b"c", b"d", b"l", b"a/b", b"d/a", b"d/b", b"l/a"])
path = _mostly(st.one_of(_name, _plain), _mostly(_odd, _outside, 12), 10)
target = st.one_of(
    st.sampled_from([b"a", b"d", b"l", b"../a", b"d/../a", b"..", b".", b"a/", b"/a", b"d/b"]), path
)
_bad_fd = st.sampled_from([0, 1, 2, 99, 0x7FFF_FFFF, 0xFFFF_FFFF])
fd = _mostly(st.builds(Slot, st.sampled_from([0, 1, 2, 2, 3, 3, 4, 5, 6, 7])), _bad_fd, 30)
# What closes leaves the streams alone: their numbers would mean different files afterwards.
_file = _mostly(st.builds(Slot, st.integers(1, 7)), st.sampled_from([99, 0xFFFF_FFFF]), 20)
base = _mostly(st.sampled_from([Slot(0), Slot(0), Slot(0), Slot(1), Slot(2)]), fd, 5)
_offset = _mostly(st.integers(0, 40), st.sampled_from(BIG), 8)
size = _mostly(st.integers(0, 40), st.sampled_from((*BIG, *QUOTA_AND_MORE)), 10)
_signed = _mostly(st.integers(-20, 40), st.sampled_from(BIG), 8).map(lambda n: n % (1 << 64))
data = _mostly(st.binary(max_size=24), _outside, 25)
room = _mostly(st.integers(0, 32), _outside, 25)
_buffer = _mostly(st.integers(0, 300), _outside, 25)
_cookie = st.sampled_from([0, 0, 0, 1, 2, 1 << 40, (1 << 64) - 1])
_time = st.sampled_from([0, 1, 10**9, 1_234_567_890, 86_400 * 10**9, 1_000_000_000 * 10**9])
_fstflags = _mostly(st.sampled_from([0, 1, 4, 5, 2, 8, 10, 9, 6]), st.integers(0, 20), 6)
_lookup = _mostly(st.sampled_from([0, 1]), st.sampled_from([2, 3, 1 << 31]), 12)
_oflags = _mostly(st.sampled_from([0, 0, 1, 1, 1, 2, 5, 8, 9, 13]), st.integers(0, 17), 4)
_fdflags = _mostly(st.sampled_from([0, 0, 0, 1, 4, 5]), st.integers(0, 40), 10)
_append = _mostly(st.sampled_from([0, 0, 0, 1, 4, 5]), _fdflags, 30)
_rights = st.sampled_from(RIGHTS)
_out = _mostly(st.just(OUT), st.sampled_from([MEMORY - 4, MEMORY - 2, MEMORY, 0xFFFF_FFFC]), 40)


def _step(name: str, *arguments: st.SearchStrategy, weight: int = 1) -> list[st.SearchStrategy]:
    out = _out if "out" in SIGNATURES.get(name, "") else st.just(OUT)
    return [st.builds(Step, st.just(name), st.tuples(*arguments), out)] * weight


STEP: Final = st.one_of(
    *_step("path_open", base, _lookup, path, _oflags, _rights, _rights, _append, weight=6),
    *_step("path_create_directory", base, path, weight=3),
    *_step("path_symlink", target, base, path, weight=2),
    *_step("path_link", base, st.just(0), path, base, path, weight=2),
    *_step("path_rename", base, path, base, path, weight=3),
    *_step("path_unlink_file", base, path),
    *_step("path_remove_directory", base, path),
    *_step("path_readlink", base, path, _buffer),
    *_step("path_filestat_get", base, _lookup, path, weight=2),
    *_step("path_filestat_set_times", base, _lookup, path, _time, _time, _fstflags),
    *_step("fd_write", fd, data, weight=3),
    *_step("fd_pwrite", fd, data, _offset),
    *_step("fd_read", fd, room, weight=2),
    *_step("fd_pread", fd, room, _offset),
    *_step("fd_seek", fd, _signed, st.integers(0, 3), weight=2),
    *_step("fd_tell", fd),
    *_step("fd_readdir", base, _buffer, _cookie, weight=2),
    *_step("walk", base, st.integers(280, 600)),
    *_step("fd_close", _file, weight=2),
    *_step("fd_renumber", _file, _file),
    *_step("fd_filestat_get", fd, weight=2),
    *_step("fd_filestat_set_size", fd, size),
    *_step("fd_filestat_set_times", fd, _time, _time, _fstflags),
    *_step("fd_fdstat_get", fd),
    *_step("fd_fdstat_set_flags", fd, _fdflags),
    *_step("fd_fdstat_set_rights", fd, _rights, _rights),
    *_step("fd_advise", fd, _offset, _offset, st.integers(0, 6)),
    *_step("fd_allocate", fd, _offset, size),
    *_step("fd_datasync", fd),
    *_step("fd_sync", fd),
    *_step("fd_prestat_get", fd),
    *_step("fd_prestat_dir_name", fd, st.integers(0, 3)),
)


# A small tree, and four descriptors into it: a directory, two files, the second to append to.
PRELUDE: Final = (
    Step("path_create_directory", (Slot(0), b"d")),
    Step("path_open", (Slot(0), 0, b"d", 2, ALL & ~WRITE, ALL, 0)),
    Step("path_open", (Slot(0), 0, b"a", 1, ALL, ALL, 0)),
    Step("path_open", (Slot(1), 0, b"b", 5, ALL, ALL, 1)),
    Step("fd_write", (Slot(2), b"some bytes")),
    Step("path_symlink", (b"d", Slot(0), b"l")),
    Step("path_symlink", (b"../a", Slot(1), b"l")),
    Step("path_link", (Slot(0), 0, b"a", Slot(1), b"c")),
    Step("path_open", (Slot(0), 1, b"l/c", 0, ALL & ~WRITE, ALL, 0)),
)
SEQUENCE: Final = st.lists(STEP, min_size=1, max_size=30).map(lambda steps: [*PRELUDE, *steps])
