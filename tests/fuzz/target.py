"""What a fuzz target is: a function of bytes, seeds, and the errors that it may raise."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypercell.vmm.errors import HypercellError

CORPUS = Path(__file__).parent / "corpus"  # a folder for each target: what once broke it


@dataclass(frozen=True)
class Target:
    """``run`` takes any bytes: it ends soon, with a result or an error of ``allowed``.

    ``cases``: how many mutations a short run tries.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Sequence[bytes]
    allowed: tuple[type[Exception], ...] = (HypercellError,)
    cases: int = 1500

    def __call__(self, data: bytes) -> None:
        try:
            self.run(data)
        except self.allowed:
            return

    def kept(self) -> list[bytes]:
        """The inputs that once broke it."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).glob("*"))]


_INTERESTING = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    1 << 63,
    (1 << 64) - 1,
)
_MAX = 1 << 16


def mutate(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """A few random changes: bytes, numbers, pieces doubled, removed, taken from another input."""
    out = bytearray(data)
    for _ in range(1 + rng.randrange(4)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(8):
            case 0 if out:
                out[min(at, len(out) - 1)] ^= 1 << rng.randrange(8)
            case 1 if out:
                out[min(at, len(out) - 1)] = rng.randrange(256)
            case 2:
                width = rng.choice((1, 2, 4, 8))
                number = rng.choice(_INTERESTING) & ((1 << 8 * width) - 1)
                out[at : at + width] = number.to_bytes(width, "little")
            case 3:
                out[at:at] = rng.randbytes(1 + rng.randrange(8))
            case 4:
                del out[at : at + 1 + rng.randrange(16)]
            case 5:
                end = min(len(out), at + 1 + rng.randrange(64))
                out[at:at] = out[at:end] * rng.choice((1, 1, 2, 50))
            case 6:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                out[at:at] = other[start : start + 1 + rng.randrange(64)]
            case _:
                del out[at:]
        del out[_MAX:]
    return bytes(out)


def short_run(target: Target) -> None:
    """Seeds, what was kept, and mutations, the same each time."""
    pool = [*target.seeds, *target.kept()]
    for data in pool:
        target(data)
    rng = random.Random(target.name)  # noqa: S311
    for _ in range(target.cases):
        target(mutate(rng.choice(pool), rng, pool))
