"""Forks without end, starts programs, makes pipes with names.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)

CALLS = (
    ("int fork(void);", "for (;;) fork();", "fork"),
    ("int execv(char *, void *);", 'execv("/bin/sh", 0);', "execv"),
    ("int system(char *);", 'system("id");', "system"),
    ("int mkfifo(char *, int);", 'mkfifo("/home/pipe.h", 384);', "mkfifo"),
    ("int mknod(char *, int, int);", 'mknod("/home/zero.h", 8630, 261);', "mknod"),
    ("int kill(int, int);", "kill(-1, 9);", "kill"),
    ("int ptrace(int, ...);", "ptrace(16, 1, 0, 0);", "ptrace"),
    ("void *dlopen(char *, int);", 'dlopen("libc.so.6", 2);', "dlopen"),
)


def test_nothing_is_there_to_call(cell: Cells) -> None:
    """WASI has no such function, so that the linker finds none: no program comes of it."""
    for declaration, call, name in CALLS:
        text = f"%%c\n{declaration}\nint main(void) {{ {call} }}"
        cell.refused(text, BuildError, f"undefined symbol: {name}")
