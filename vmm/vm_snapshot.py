"""A snapshot as the kernel process holds it: a sealed file, opaque state, and what it maps."""

from __future__ import annotations

import functools
import itertools
import os
import weakref
from collections.abc import Sequence

import msgspec

from hypercell.vmm.abi import HUGE
from hypercell.vmm.code_cache import Code
from hypercell.vmm.commands import Command
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.layer import Layer
from hypercell.vmm.messages import Held, Job, pack_commands
from hypercell.vmm.program import Limits
from hypercell.vmm.runs import Run

_BIG = HUGE  # files from here on are kept in huge pages by the zygote
_numbers = itertools.count()
# A name for each big file, so that snapshots of the same files share one copy in the zygote.
_names: weakref.WeakKeyDictionary[Code | Layer, str] = weakref.WeakKeyDictionary()


class _Arenas(msgspec.Struct):
    committed: tuple[int, ...]


class Facts(msgspec.Struct):
    """What of ``snapshot.SnapshotState`` the kernel process needs to know.

    ``ram``: runs of pages that ring 3 can write. ``extents``: stretches of memory that hold data.
    """

    arenas: _Arenas
    ram: tuple[Run, ...]
    extents: tuple[Run, ...]

    @classmethod
    def of(cls, state: bytes) -> Facts:
        """Out of a packed state. Raises ``ProtocolViolation``."""
        try:
            return msgspec.msgpack.decode(state, type=cls)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ProtocolViolation(f"what came with a snapshot is no state: {error}") from None


class Warmup(msgspec.Struct, frozen=True):
    """Trusted commands that a parked VM runs once; then they are undone, but its pages are there.

    ``code`` and ``layers`` are what the indices in the commands mean.
    """

    commands: tuple[Command, ...]
    code: tuple[Code, ...] = ()
    layers: tuple[Layer, ...] = ()

    def job(self) -> Job:
        """The job that a worker runs."""
        return Job(
            pack_commands(self.commands),
            tuple(code.size for code in self.code),
            tuple(layer.size for layer in self.layers),
            Limits(),
        )

    def descriptors(self) -> list[int]:
        """Of its files, in order."""
        return [code.fd for code in self.code] + [layer.fd for layer in self.layers]


class Snapshot:
    """Where VMs begin. Made by ``Hypervisor.make_snapshot``; closes with its last reference.

    ``parked``: how many VMs wait ready-made. ``sessions``: what its VMs leave may be committed.
    ``hot``: the units of memory that most cells write, once a warm-up has shown it.
    ``suspended``: the command that stands at a deferred file, if the snapshot was taken there.
    """

    def __init__(
        self,
        name: str,
        fd: int,
        state: bytes,
        *,
        code: Sequence[Code] = (),
        layers: Sequence[Layer] = (),
        suspended: Sequence[Command] = (),
        parked: int = 0,
        eager: bool = False,
        warmup: Warmup | None = None,
        sessions: bool = False,
        hot: Sequence[Run] = (),
    ) -> None:
        self.name = name
        self.fd = fd
        self.state = state
        self.code = tuple(code)
        self.layers = tuple(layers)
        self.suspended = tuple(suspended)
        self.parked = parked
        self.eager = eager
        self.warmup = warmup
        self.sessions = sessions
        self.hot = tuple(hot)
        self._finalizer = weakref.finalize(self, os.close, fd)

    @property
    def deferred(self) -> bool:
        """Whether its VMs first want a deferred file answered."""
        return bool(self.suspended)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self._finalizer.alive

    @functools.cached_property
    def facts(self) -> Facts:
        """How large its arenas are, and where it can be written."""
        return Facts.of(self.state)

    @property
    def memory(self) -> int:
        """Bytes of all arenas together."""
        return sum(self.facts.arenas.committed)

    @property
    def size(self) -> int:
        """Bytes of memory that its pages take."""
        return os.fstat(self.fd).st_blocks * 512 if not self.closed else 0

    def files(self) -> list[tuple[str, Code | Layer]]:
        """Its files in order, each with the key under which the zygote holds it, or ""."""
        files: list[Code | Layer] = [*self.code, *self.layers]
        return [
            (_names.setdefault(file, str(next(_numbers))) if file.size >= _BIG else "", file)
            for file in files
        ]

    def held(self) -> tuple[list[Held], list[int]]:
        """What the zygote should hold before it forks, and the descriptors."""
        big = [(key, file) for key, file in self.files() if key]
        held = [Held(key, file.size, isinstance(file, Code)) for key, file in big]
        return held, [file.fd for _, file in big]

    def close(self) -> None:
        """Close it now; VMs made of it go on. Calling it again does nothing."""
        self._finalizer()
