"""What once broke Wasmtime's WASI: a trailing slash, fd_renumber, padding of fd_readdir, TRUNCATE.

GHSA-vqjp-4c8c-hfgg, CVE-2025-53901, GHSA-3p27-qvp9-27qf, GHSA-96f6-r43r-8c24, CVE-2026-47261.

Has: the source of a C cell, and the files that it may write.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)

START = """%%c
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>
int main(void) {
"""
SLASHES = """
  symlink("..", "/home/up");
  const char *paths[] = {"/home/up/etc/passwd/", "/home/up/etc/passwd", "/home/../etc/passwd/",
    "/home/up/../etc/", "/home/up/", "up//../"};
  int opened = 0;
  for (int i = 0; i < 6; i++) {
    int fd = open(paths[i], O_RDONLY | (i % 2 ? 0 : O_CREAT));
    struct stat what;
    if (fd >= 0 && (fstat(fd, &what) || !S_ISDIR(what.st_mode))) opened++;
  }
  printf("%d", opened);
"""
RENUMBER = """
  __wasi_fd_t pairs[][2] = {{3, 99}, {99, 3}, {3, -1}, {-1, 3}, {-1, -1}, {1u << 31, 3}};
  for (int i = 0; i < 6; i++) printf("%d ", __wasi_fd_renumber(pairs[i][0], pairs[i][1]));
  printf("%d", __wasi_fd_renumber(3, 3));
"""
PADDING = """
  fclose(fopen("/home/a", "w"));
  int fd = open("/home", O_RDONLY | O_DIRECTORY);
  unsigned char data[256]; __wasi_size_t used = 0; int dirty = 0;
  memset(data, 0xa5, sizeof data);
  __wasi_errno_t error = __wasi_fd_readdir(fd, data, sizeof data, 0, &used);
  for (unsigned at = 0; at + 24 <= used; at += 24 + *(unsigned *)(data + at + 16))
    dirty |= data[at + 21] | data[at + 22] | data[at + 23];
  for (unsigned at = used; at < sizeof data; at++) dirty |= data[at] ^ 0xa5;
  printf("%d %d %d", error, used > 24, dirty);
"""
TRUNCATE = """
  FILE *file = fopen("/home/kept", "w"); fputs("kept", file); fclose(file);
  int home = open("/home", O_RDONLY | O_DIRECTORY);
  __wasi_fdstat_t stat; __wasi_fd_fdstat_get(home, &stat);
  __wasi_rights_t reading = stat.fs_rights_base & ~(__WASI_RIGHTS_PATH_FILESTAT_SET_SIZE
    | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_PATH_CREATE_FILE);
  printf("%d ", __wasi_fd_fdstat_set_rights(home, reading, __WASI_RIGHTS_FD_READ));
  __wasi_fd_t fd;
  printf("%d ", __wasi_path_open(home, 0, "kept", __WASI_OFLAGS_TRUNC,
    __WASI_RIGHTS_FD_READ, 0, 0, &fd));
  struct stat after; lstat("/home/kept", &after); printf("%d", (int)after.st_size);
"""


def said(cell: Cells, body: str) -> bytes:
    result = cell(START + body + "}")
    assert result.error is None
    cell("%reset")
    return result.stdout


def test_a_slash_opens_nothing_outside(cell: Cells) -> None:
    """There is no outside in the VM: what leaves /home is not there, or the VM's own directory."""
    assert said(cell, SLASHES) == b"0"


def test_renumbering_what_is_not_open(cell: Cells) -> None:
    assert said(cell, RENUMBER) == b"8 8 8 8 8 8 0"


def test_padding_is_zero_and_the_rest_is_not_written(cell: Cells) -> None:
    assert said(cell, PADDING) == b"0 1 0"


def test_truncating_takes_the_right_to(cell: Cells) -> None:
    assert said(cell, TRUNCATE) == b"0 76 4"
