"""Lets the nth call of something fail, for every n, and tells what a hypervisor holds."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import psutil
from descriptors import no_descriptors, without_descriptors

from hypercell.vmm import Hypervisor
from hypercell.vmm.errors import HypercellError

THOROUGH = bool(os.environ.get("HYPERCELL_THOROUGH"))
MINUTES = 120 if THOROUGH else 20  # of one test
SECONDS = 240  # until whatever it is counts as hanging
_PIECE = "/memfd:hypercell-piece (deleted)"
_MOST_CALLS = 2000  # of one kind in one operation

Error = TypeVar("Error")


class Trials(Generic[Error]):
    """Yields (n, error) until an operation makes fewer than n calls; ``made`` tells how many.

    THOROUGH: every n with every error. Else the errors take turns, and after the first ``each``
    calls n grows threefold.
    """

    def __init__(self, errors: Sequence[Error], *, each: int = 40) -> None:
        self.count = 0
        self._each = each
        self._errors = errors
        self._calls = 0

    def __iter__(self) -> Iterator[tuple[int, Error]]:
        for turn, error in enumerate(self._errors if THOROUGH else self._errors[:1]):
            nth = 1
            while True:
                yield nth, error if THOROUGH else self._errors[self.count % len(self._errors)]
                if self._calls < nth:
                    assert nth > 1 or turn, "the call is never made"
                    break
                self.count += 1
                assert nth < _MOST_CALLS, "the calls never end"
                nth += 1 if THOROUGH or nth < self._each else 2 * nth
        print(f"{self.count} faults")

    def made(self, calls: int) -> None:
        self._calls = calls


def failures(*codes: int) -> list[Callable[[], Exception]]:
    """Make errors as system calls themselves raise them."""
    return [functools.partial(OSError, code, os.strerror(code)) for code in codes]


@contextlib.contextmanager
def only_told() -> Iterator[None]:
    """Errors of the tree may come within, if they say what to do; some faults have another way."""
    try:
        yield
    except HypercellError as error:
        if not error.message or not error.hint:
            raise AssertionError(f"{error!r} does not say what to do") from error


class FailAt:
    """``call`` stands for ``real``; its nth call raises ``error``. ``calls``: how many there were.

    ``call`` is a function, so that it can be a method.
    """

    def __init__(
        self, real: Callable[..., object], nth: int, error: Callable[[], BaseException]
    ) -> None:
        self.calls = 0

        def call(*args: object, **options: object) -> object:
            self.calls += 1
            if self.calls == nth:
                if error is no_descriptors:
                    with without_descriptors():
                        return real(*args, **options)
                raise error()
            return real(*args, **options)

        self.call = call


def held(pieces: int = 0) -> Counter[str]:
    """Open descriptors by what they are, but for compiled code, which is kept while it is hot; and
    processes. ``pieces``: how many of them a session's state has, which are not counted.
    """
    gc.collect()
    found: Counter[str] = Counter()
    found[_PIECE] -= pieces
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found[os.readlink(f"/proc/self/fd/{fd}").split(":[")[0]] += 1
    found["processes"] = len(psutil.Process().children(recursive=True))
    return Counter({k: n for k, n in found.items() if "hypercell-code" not in k})


async def settled(hypervisor: Hypervisor, pieces: int = 0) -> Counter[str]:
    """``held`` once all VMs are parked and nothing changes any more."""
    before: Counter[str] = Counter()
    while True:
        await hypervisor.filled()
        await asyncio.sleep(0.05)
        now = held(pieces)
        if now == before and len(hypervisor.processes()["compiles"]) == 1:
            return now
        before = now


async def back_to(before: Counter[str], hypervisor: Hypervisor, pieces: int = 0) -> None:
    """Wait until what is held is what was ``before``; AssertionError if that never comes."""
    end = asyncio.get_running_loop().time() + SECONDS
    while (now := await settled(hypervisor, pieces)) != before:
        assert asyncio.get_running_loop().time() < end, (now - before, before - now)
