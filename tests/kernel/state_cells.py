"""Cells that work on variables, with the same cells in ordinary CPython to compare with.

``run(session, count)`` mixes in cells that scribble over everything and then trap, run out of time
or are interrupted: they must leave no trace.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from hypercell.kernel.result import Event
from hypercell.kernel.session import Session
from hypercell.vmm.errors import HypercellError, Interrupted, TimedOut, Trap

START = """
import collections, decimal, functools, random, re
n, text, names = 0, '', {}
numbers, queue, raw = [], collections.deque(maxlen=50), bytearray(5000)
dice = random.Random(1)
money = decimal.Decimal('0.10')

class Node:
    def __init__(self, value, after):
        self.value, self.after = value, after

node = None

def walk():
    found, at = [], node
    while at is not None:
        found.append(at.value)
        at = at.after
    return found

def counter():
    at = 0
    while True:
        at += yield at

steps = counter()
next(steps)
"""
CLEAN = (
    "n += {k}",
    "numbers.append({k} * n)",
    "numbers = [x + 1 for x in numbers[-40:]]",
    "names['k{k}'] = names.get('k{k}', 0) + len(numbers)",
    "names = {{key: value for key, value in names.items() if value % 7}}",
    "queue.extend(range({k}))",
    "queue.rotate({k})",
    "raw[{k}::97] = bytes([{k} % 256]) * len(raw[{k}::97])",
    "node = Node({k}, node)",
    "node = node.after if node and n % 3 else node",
    "text = (text + chr(97 + {k} % 26))[-200:]",
    "text = re.sub('[aeiou]', lambda found: found[0].upper(), text)",
    "money *= decimal.Decimal('1.01')",
    "numbers.append(dice.randint(0, {k}))",
    "steps.send({k})",
    "def power(x, by={k}):\n    return functools.reduce(lambda a, b: a * b % 1009, [x] * by, 1)",
    "numbers.append(power({k}) if 'power' in globals() else 0)",
    "try:\n    numbers[{k}] /= 0\nexcept (ZeroDivisionError, IndexError) as error:\n"
    "    names['error'] = len(str(error)) * 0 + {k}",
    "with open('f{k}', 'w') as file:\n    file.write(text)",
)
END = (
    "repr((n, text, sorted(names.items()), numbers, list(queue), sum(raw), raw[::701].hex(), "
    "walk(), str(money), dice.random(), steps.send(0)))"
)
SCRIBBLE = (
    "n, text = -1, 'lost'; names.clear(); numbers[:] = [0]; queue.clear(); raw[:] = b'x' * 5000\n"
    "node = None; dice.seed(0); steps.close(); globals().pop('power', None)\n"
    "open('lost', 'w').close()\n"
)
FOREVER = "print('on')\nwhile True: pass"


class Reference:
    """Ordinary CPython. Its files are ``files``."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._names: dict[str, object] = {"open": self._open}
        self.run(START)

    def run(self, source: str) -> None:
        exec(source, self._names)  # noqa: S102 (our own cells)

    def value(self, expression: str) -> str:
        return repr(eval(expression, self._names))  # noqa: S307

    def _open(self, name: str, mode: str) -> object:
        files = self.files

        class File:
            def __enter__(self) -> File:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def write(self, text: str) -> None:
                files[name] = text.encode()

        return File()


async def run(session: Session, count: int, *, seed: int = 1, bad: float = 0.05) -> Counter[str]:
    """Run ``count`` cells, ``bad`` of them ending badly; AssertionError if the end is another.

    How many of each kind there were.
    """
    chance = random.Random(seed)  # noqa: S311
    reference = Reference()
    kinds: Counter[str] = Counter()
    start = await session.execute(START)
    assert start.error is None, start.traceback
    for _ in range(count):
        if chance.random() < bad:
            kind = chance.choice(("trap", "time-out", "interrupt"))
            error = await _BAD[kind](session)
            assert isinstance(error, _ERRORS[kind]), error
        else:
            kind = "clean"
            cell = chance.choice(CLEAN).format(k=chance.randint(1, 30))
            reference.run(cell)
            result = await session.execute(cell)
            assert result.error is None, (cell, result.traceback)
            assert not result.stderr, result.stderr
        kinds[kind] += 1
    end = await session.execute(END)
    assert end.text == reference.value(END), (kinds, end.text, end.traceback)
    assert session.home.files() == reference.files
    return kinds


async def _trap(session: Session) -> HypercellError | None:
    return (await session.execute(f"{SCRIBBLE}import os\nos.abort()")).error


async def _time_out(session: Session) -> HypercellError | None:
    return (await session.execute(f"%%python --timeout 0.2\n{SCRIBBLE}{FOREVER}")).error


async def _interrupt(session: Session) -> HypercellError | None:
    seen = asyncio.Event()

    def on_event(event: Event) -> None:
        seen.set()

    running = asyncio.create_task(session.execute(SCRIBBLE + FOREVER, on_event=on_event))
    await seen.wait()
    session.interrupt()
    return (await running).error


_BAD = {"trap": _trap, "time-out": _time_out, "interrupt": _interrupt}
_ERRORS = {"trap": Trap, "time-out": TimedOut, "interrupt": Interrupted}
