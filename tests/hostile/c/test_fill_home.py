"""Writes to /home without end: one file, many files, deep directories.

Has: the source of a C cell, and the files that it may write.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)


BIG = """%%c
#include <stdio.h>
#include <string.h>
static char data[1 << 20];
int main(void) {
  FILE *f = fopen("/home/big", "w");
  long written = 0;
  for (int i = 0; i < 2000; i++) written += fwrite(data, 1, sizeof data, f);
  if (fclose(f)) written = -written;
  printf("%d", written == 2000L << 20);
}"""
MANY = """%%c
#include <stdio.h>
#include <sys/stat.h>
int main(void) {
  char name[64]; int made = 0;
  for (int i = 0; i < 200000; i++) {
    sprintf(name, "/home/%d", i); FILE *f = fopen(name, "w"); if (!f) break; fclose(f); made++;
  }
  printf("%d", made == 200000);
}"""
DEEP = """%%c
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void) {
  chdir("/home"); int depth = 0;
  while (depth < 5000 && !mkdir("d", 0700) && !chdir("d")) depth++;
  printf("%d", depth == 5000);
}"""


def test_the_quota_holds(cell: Cells) -> None:
    """The program itself sees the error at the quota, and may go on: it harms nobody but itself."""
    for source in (BIG, MANY, DEEP):
        result = cell(source)
        assert (result.error, result.stdout) == (None, b"0")
        cell("%reset")
