"""The cells of a soak: mixed languages, and now and then a crash, a time-out, an interrupt."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable

from hypercell.kernel import Session
from hypercell.kernel.states import HISTORY_COUNT
from hypercell.vmm.code_cache import HOT
from hypercell.vmm.errors import Interrupted, TimedOut, Trap, WorkerLost

_INTERRUPT_AFTER = 0.05  # seconds
_FRESH = 0.02  # of C and WAT cells: sources that nothing has compiled yet
_VARIANTS = 8

ADD = """%%wat --invoke add {a} 2
(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  {fresh})"""
C = """%%c
#include <stdio.h>
/* {fresh} */
int main(void) {{ printf("%d\\n", {a} + 2); return 0; }}"""
HOME = """%%c
#include <stdio.h>
int main(void) {{
  FILE *f = fopen("/home/kept.txt", "w"); fprintf(f, "{a}"); fclose(f);
  f = fopen("/home/kept.txt", "r"); int n; fscanf(f, "%d", &n); printf("%d\\n", n + 2);
  return 0;
}}"""
PYTHON = "%%python\nseen = globals().get('seen', 0) + 1\nlast = [{a}] * 1000\nseen"
FOREVER_C = "%%c {options}\nint main(void) {{ for (volatile int i = 0;; i++); }}"
FOREVER_PYTHON = "%%python {options}\nseen = -1\nwhile True: pass"
CRASHES = (
    "%%c\nint main(void) { __builtin_trap(); }",
    '%%wat\n(module (func (export "_start") unreachable))',
    "%%python\nseen = -1\nimport os\nos.abort()",
)


class WrongResult(Exception):
    """A cell gave something else than it had to."""


class Cells:
    """Runs the cells of one session. ``counts``: how many of each kind ran.

    ``rare``: the share of crashes, of time-outs, and of interrupts.
    """

    def __init__(self, session: Session, seed: int, rare: float) -> None:
        self.counts: dict[str, int] = {}
        self._session = session
        self._rare = rare
        self._random = random.Random(seed)  # noqa: S311 - a repeatable mix, no secret
        self._seen = 0  # what the session's Python variable must be

    async def next(self) -> str:
        """Run the next cell and check its result; its kind."""
        kind, run = self._choose()
        await run()
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return kind

    async def fill_caches(self) -> None:
        """Until no cell adds to what is kept: of states, compiled code and build results."""
        for source in (ADD, C, HOME):
            for number in range(_VARIANTS):
                await self._prints(source, number)
        for _ in range(HISTORY_COUNT + 1):
            await self._python()
        for _ in range(HOT):
            await self._prints(ADD, 0, fresh=1.0)
        for source in (CRASHES[0], FOREVER_C.format(options="--timeout 50ms")):
            await self._session.execute(source)  # these begin with no #include: a further snapshot

    async def grow(self, count: int) -> None:
        """So many cells of Python: a session's first ones change pages that none did before."""
        for _ in range(count):
            await self._python()

    async def reset(self) -> None:
        """Forget the session's state: how much of it is kept depends on its size."""
        self._seen = 0
        result = await self._session.execute("%reset")
        if result.error is not None:
            raise WrongResult(str(result))

    def _choose(self) -> tuple[str, Callable[[], Awaitable[None]]]:
        rare = self._random.random()
        for index, (kind, run) in enumerate(
            (
                ("crash", self._crash),
                ("time-out", self._time_out),
                ("interrupt", self._interrupt),
            )
        ):
            if rare < self._rare * (index + 1):
                return kind, run
        kinds = (
            ("python", self._python),
            ("c", lambda: self._prints(C, self._number())),
            ("wat", lambda: self._prints(ADD, self._number())),
            ("home", lambda: self._prints(HOME, self._number())),
        )
        return self._random.choices(kinds, (40, 25, 25, 10))[0]

    async def _python(self) -> None:
        self._seen += 1
        result = await self._session.execute(PYTHON.format(a=self._number()))
        if result.error is not None or result.text != str(self._seen):
            raise WrongResult(f"Python: {self._seen} was due, not {result}")

    async def _prints(self, source: str, number: int, *, fresh: float = _FRESH) -> None:
        new = ""
        if self._random.random() < fresh:
            new = f"(func (drop (i32.const 0x{os.urandom(3).hex()})))"
        result = await self._session.execute(source.format(a=number, fresh=new))
        due = (f"{number + 2}\n", f"add({number}, 2) = {number + 2} : i32")
        if result.error is not None or result.stdout.decode() + result.text not in due:
            raise WrongResult(f"{number + 2} was due, not {result}")

    async def _crash(self) -> None:
        if self._random.random() < 0.5:
            await self._kill()
            return
        result = await self._session.execute(self._random.choice(CRASHES))
        if not isinstance(result.error, Trap):
            raise WrongResult(f"a trap was due, not {result}")

    async def _kill(self) -> None:
        """SIGKILL of every worker while a cell runs, and the state before it is kept."""
        if self._seen:
            await self._session.execute("%%python\nseen")  # its own state may be lost

        hypervisor = await self._session.hypervisor()
        killed: set[int] = set()

        async def kill() -> None:
            await asyncio.sleep(_INTERRUPT_AFTER)
            for pid in hypervisor.processes()["workers"]:
                killed.add(pid)
                with contextlib.suppress(ProcessLookupError):  # its end is not reported yet
                    os.kill(pid, signal.SIGKILL)

        await self._forever(kill, WorkerLost)
        while killed & set(hypervisor.processes()["workers"]):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.01)

    async def _time_out(self) -> None:
        source = self._random.choice((FOREVER_C, FOREVER_PYTHON))
        result = await self._session.execute(source.format(options="--timeout 50ms"))
        if not isinstance(result.error, TimedOut):
            raise WrongResult(f"a time-out was due, not {result}")

    async def _interrupt(self) -> None:
        async def interrupt() -> None:
            await asyncio.sleep(_INTERRUPT_AFTER)
            self._session.interrupt()

        await self._forever(interrupt, Interrupted)

    async def _forever(self, end: Callable[[], Awaitable[None]], due: type[Exception]) -> None:
        source = self._random.choice((FOREVER_C, FOREVER_PYTHON))
        cell = asyncio.ensure_future(self._session.execute(source.format(options="")))
        while not cell.done():  # the first strike may come before the cell is in its VM
            await end()
        result = await cell
        if not isinstance(result.error, due):
            raise WrongResult(f"{due.__name__} was due, not {result}")

    def _number(self) -> int:
        return self._random.randrange(_VARIANTS)
