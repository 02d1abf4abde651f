"""Where Wasmtime's WASI and ours may differ, each with its reason. The test counts this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from differential.steps import OUT, TRAP, At, Step


class Kind(Enum):
    """What a tolerated difference means for the rest of the sequence."""

    GOES_ON = "both did nothing, or the same"
    ENDS = "the worlds are no longer the same"


class Difference(NamedTuple):
    """Two error numbers for one call."""

    step: Step
    ours: int
    theirs: int
    unfit: bool  # a descriptor of the call is not open, or no file, or no directory for a path

    may_not_read: bool  # the descriptor has not the right
    may_not_write: bool

    @property
    def both_fail(self) -> bool:
        return 0 not in (self.ours, self.theirs)

    @property
    def errnos(self) -> tuple[int, int]:
        return self.ours, self.theirs


@dataclass(frozen=True)
class Tolerated:
    """One difference: which calls, what we answer and what Wasmtime, and why that is right."""

    name: str
    reason: str
    kind: Kind
    holds: Callable[[Difference], bool]


INVAL, BADF, FAULT, ISDIR, NOTSUP, PERM, NOTCAPABLE = 28, 8, 21, 31, 58, 63, 76
ILSEQ, EXIST = 25, 20
NOSPC, DQUOT, NOTDIR, NOTEMPTY, FBIG = 51, 19, 54, 55, 22


def _wild(step: Step) -> bool:
    return step.out != OUT or any(isinstance(one, At) for one in step.args)


def _bad_pointer(case: Difference) -> bool:
    return _wild(case.step) and (case.both_fail or TRAP in case.errnos or case.ours == FAULT)


def _slash(step: Step) -> bool:
    return any(isinstance(one, bytes) and one.endswith(b"/") for one in step.args)


def _directory_name(step: Step) -> bool:
    """Whether a path ends as only a directory's may."""
    return any(isinstance(one, bytes) and one.endswith((b"/", b"/.")) for one in step.args)


def _oflags(step: Step) -> int:
    given = step.args[3] if step.name == "path_open" else 0
    return given if isinstance(given, int) else 0


_WRITING = ("fd_write", "fd_pwrite", "fd_filestat_set_size")
_TWO_PATHS = ("path_link", "path_rename", "path_symlink")

TOLERATED: Final = (
    Tolerated(
        "bad pointer, before anything is done",
        "WASI leaves it to the engine: Wasmtime traps, we answer FAULT",
        Kind.GOES_ON,
        lambda case: case.step.out == OUT and _bad_pointer(case),
    ),
    Tolerated(
        "bad pointer for a result",
        "Wasmtime finds out after it has done the work, we before",
        Kind.ENDS,
        lambda case: case.step.out != OUT and _bad_pointer(case),
    ),
    Tolerated(
        "value outside an enumeration or a set of flags",
        "Wasmtime traps, we answer INVAL, or what is wrong with the descriptor",
        Kind.GOES_ON,
        lambda case: case.theirs == TRAP and case.ours != 0,
    ),
    Tolerated(
        "file function on a directory",
        "we answer ISDIR like read(2); Wasmtime's table of files has no directories: BADF",
        Kind.GOES_ON,
        lambda case: case.errnos == (ISDIR, BADF),
    ),
    Tolerated(
        "path below what is no directory",
        "we answer NOTDIR like openat(2); Wasmtime's table of directories has no files: BADF",
        Kind.GOES_ON,
        lambda case: case.errnos == (NOTDIR, BADF),
    ),
    Tolerated(
        "the wrong descriptor, and something else is wrong too",
        "which of two errors is told is not defined; of a stream we say what it is not",
        Kind.GOES_ON,
        lambda case: (
            case.both_fail and (case.unfit or (case.may_not_write and case.step.name in _WRITING))
        ),
    ),
    Tolerated(
        "the name of what is not preopened",
        "BADF, as for fd_prestat_get; Wasmtime says NOTDIR for the one and BADF for the other",
        Kind.GOES_ON,
        lambda case: case.step.name == "fd_prestat_dir_name" and case.errnos == (BADF, NOTDIR),
    ),
    Tolerated(
        "advice for a directory",
        "we look at the advice first, Wasmtime at what the descriptor is",
        Kind.GOES_ON,
        lambda case: case.step.name == "fd_advise" and case.both_fail,
    ),
    Tolerated(
        "setting no times",
        "utimensat(2) may look at the path or not; Wasmtime does not",
        Kind.GOES_ON,
        lambda case: (
            case.step.name == "path_filestat_set_times"
            and case.step.args[-1] == 0
            and case.theirs == 0
        ),
    ),
    Tolerated(
        "sync of a directory",
        "POSIX allows it; Wasmtime's table of files has no directories",
        Kind.GOES_ON,
        lambda case: case.step.name in ("fd_sync", "fd_datasync") and case.errnos == (0, BADF),
    ),
    Tolerated(
        "giving up rights",
        "Wasmtime has no rights any more",
        Kind.ENDS,
        lambda case: case.step.name == "fd_fdstat_set_rights" and case.theirs == NOTSUP,
    ),
    Tolerated(
        "allocate",
        "Wasmtime has no fd_allocate any more",
        Kind.ENDS,
        lambda case: case.step.name == "fd_allocate" and case.theirs == NOTSUP,
    ),
    Tolerated(
        "flags of a directory, or flags that ask for sync",
        "Wasmtime has no flags for a directory, and no sync; nothing but the flags changes",
        Kind.ENDS,
        lambda case: (
            case.step.name in ("fd_fdstat_set_flags", "path_open")
            and case.ours == 0
            and case.theirs in (BADF, INVAL, NOTSUP)
        ),
    ),
    Tolerated(
        "flags that ask for sync, where something else is wrong too",
        "Wasmtime looks at the flags first",
        Kind.GOES_ON,
        lambda case: case.step.name == "path_open" and case.theirs == NOTSUP,
    ),
    Tolerated(
        "opening a directory with TRUNC or EXCL",
        "Wasmtime refuses that before it looks; we say what is there",
        Kind.ENDS,
        lambda case: (
            bool(_oflags(case.step) & 2 and _oflags(case.step) & 12) and case.theirs == INVAL
        ),
    ),
    Tolerated(
        "times of an open directory",
        "Wasmtime opens directories with O_PATH where it can, which have no futimens",
        Kind.ENDS,
        lambda case: case.step.name == "fd_filestat_set_times" and case.errnos == (0, BADF),
    ),
    Tolerated(
        "size of what is open for reading",
        "the right is missing; ftruncate(2) says INVAL",
        Kind.GOES_ON,
        lambda case: (
            case.step.name == "fd_filestat_set_size" and case.errnos == (NOTCAPABLE, INVAL)
        ),
    ),
    Tolerated(
        "writing to what was made, without the right to write",
        "Wasmtime opens whatever it makes for writing",
        Kind.ENDS,
        lambda case: (
            case.step.name in _WRITING
            and case.may_not_write
            and case.errnos in ((BADF, 0), (NOTCAPABLE, 0))
        ),
    ),
    Tolerated(
        "reading what was opened neither for reading nor for writing",
        "there is no such mode on a host: Wasmtime opens it for reading",
        Kind.ENDS,
        lambda case: (
            case.step.name in ("fd_read", "fd_pread")
            and case.may_not_read
            and case.may_not_write
            and case.errnos in ((BADF, 0), (NOTCAPABLE, 0))
        ),
    ),
    Tolerated(
        "quota",
        "the host's file system is larger than /home",
        Kind.ENDS,
        lambda case: case.ours in (NOSPC, DQUOT) and case.theirs in (0, FBIG),
    ),
    Tolerated(
        "a path that is no text, and something else is wrong too",
        "which of two errors is told is not defined",
        Kind.GOES_ON,
        lambda case: case.ours == ILSEQ and case.both_fail,
    ),
    Tolerated(
        "two paths, both wrong",
        "which of two errors is told is not defined",
        Kind.GOES_ON,
        lambda case: case.step.name in _TWO_PATHS and case.both_fail,
    ),
    Tolerated(
        "removing a directory that is not empty, by a name with a slash or dots",
        "rmdir(2) says NOTEMPTY however it is called",
        Kind.GOES_ON,
        lambda case: case.step.name == "path_remove_directory" and case.errnos == (NOTEMPTY, INVAL),
    ),
    Tolerated(
        "renaming a file to a name with a slash",
        "rename(2) says NOTDIR",
        Kind.ENDS,
        lambda case: (
            case.step.name == "path_rename" and _slash(case.step) and case.errnos == (NOTDIR, 0)
        ),
    ),
    Tolerated(
        "asking about a file by a name with a slash",
        "stat(2) says NOTDIR",
        Kind.GOES_ON,
        lambda case: (
            case.step.name == "path_filestat_get"
            and _slash(case.step)
            and case.errnos == (NOTDIR, 0)
        ),
    ),
    Tolerated(
        "opening a file by a name with a slash, to make it",
        "Linux says ISDIR for any such name, we only where no file is there",
        Kind.GOES_ON,
        lambda case: (
            case.step.name == "path_open"
            and _slash(case.step)
            and case.errnos in ((NOTDIR, ISDIR), (EXIST, ISDIR))
        ),
    ),
    Tolerated(
        "leaving the directory",
        "WASI's own word for it is NOTCAPABLE; Wasmtime says PERM",
        Kind.GOES_ON,
        lambda case: case.errnos == (NOTCAPABLE, PERM),
    ),
    Tolerated(
        "removing a link with a slash",
        "a link is no directory, wherever it leads: NOTDIR like rmdir(2); Wasmtime opens it first",
        Kind.GOES_ON,
        lambda case: (
            case.step.name == "path_remove_directory"
            and _slash(case.step)
            and case.errnos in ((NOTDIR, PERM), (NOTDIR, INVAL))
        ),
    ),
    Tolerated(
        "asking about a link itself by a name that ends with a slash or a dot",
        "lstat(2) follows such a link; Wasmtime leaves the ending out",
        Kind.GOES_ON,
        lambda case: (
            case.step.name == "path_filestat_get"
            and _directory_name(case.step)
            and case.step.args[1] == 0
            and case.theirs == 0
        ),
    ),
)
# The official suite and POSIX have the offset count; Wasmtime does as Linux, which does not. The
# call answers alike and writes elsewhere, so it is left out.
PWRITE_TO_APPEND: Final = "pwrite to a file that is open for appending"


def judge(case: Difference) -> Tolerated | None:
    """The entry of the list that covers this difference, or None."""
    return next((one for one in TOLERATED if one.holds(case)), None)
