"""``python workload.py``: cells that together use what our processes are allowed to."""

from __future__ import annotations

import asyncio
import os

from cells import ADD

from hypercell.kernel import Session
from hypercell.kernel.config import Config

GROW = '(module (memory 1) (func (export "_start") (drop (memory.grow (i32.const 3000)))))'
TRAP = """%%c -g
#include <stdlib.h>
static int f(int n) { if (n == 3) __builtin_trap(); return n; }
int main(int n, char **v) { return f(n + 2); }"""
CELLS = (
    ADD,
    f"%%wat\n{GROW}",
    '%%wat --timeout 100ms\n(module (func (export "_start") (loop br 0)))',
    "%%wat\n(module (func (result i32)))",
    "%%wat --fresh --invoke f\n(component)",
    f'%%wat --invoke f\n(module (func (export "new{os.urandom(8).hex()}"))'  # not in the cache
    + '(func (export "f") (result i32) '
    + "(i32.const 1) drop " * 20_000
    + "i32.const 7))",
    '%%c\n#include <stdio.h>\nint main(void) { fputs("x", fopen("/home/x", "w")); return 0; }',
    "%%c\n#include <unistd.h>\nint main(void) { usleep(30000); return 0; }",
    '%%c --stdin word\n#include <stdio.h>\nint main(void) { char w[9]; scanf("%8s", w); puts(w); }',
    TRAP,
    "%%python\nx = bytearray(100_000_000)\nlen(x)",
    "%%python\nx = open('/home/x').read()\nx",
    "%%python\nimport time; time.sleep(0.05)\nx * 2",
    "%%python\nimport os; os.abort()",
    "%undo",
    "%%python\nlen(x)",
    "%reset",
    "%%python\n1",
)


async def main() -> None:
    """Run them all, whatever they give."""
    async with Session(Config()) as session:
        for text in CELLS:
            result = await session.execute(text)
            print(type(result.error).__name__, str(result.error)[:80], text[:20].split("\n")[0])
        await (await session.hypervisor()).filled()


if __name__ == "__main__":
    asyncio.run(main())
