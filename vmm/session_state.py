"""A session's state as the kernel process holds it: immutable, shared by all who go on from it.

It is made of sealed files and small numbers that only an ended VM produced. A commit makes a new
one beside it and changes nothing, so whatever dies half-way, nothing is lost.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence

from hypercell.vmm import delta, memfd
from hypercell.vmm.abi import PAGE
from hypercell.vmm.delta import DeltaState, Places, Stretch
from hypercell.vmm.errors import LimitExceeded, ProtocolViolation
from hypercell.vmm.layer import Layer
from hypercell.vmm.messages import Adopt, Kept
from hypercell.vmm.session_memory import SessionMemory
from hypercell.vmm.vm_snapshot import Snapshot

_DEAD_PAGES = 4096  # pages in pieces that nobody sees any more, before a commit leaves them out
_PIECES = delta.PIECES_MAX // 2


class Piece:
    """A sealed file of pages; it closes with its last reference."""

    def __init__(self, fd: int, pages: int) -> None:
        self.fd = fd
        self.pages = pages
        weakref.finalize(self, os.close, fd)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.pages * PAGE


class SessionState:
    """Where VMs of a session begin: the runtime snapshot ``base``, and what differs from it.

    ``layers``: all that its guest maps beyond the runtime's. ``changed``: pages of the last commit.
    """

    def __init__(
        self,
        base: Snapshot,
        state: DeltaState,
        index: Sequence[Stretch],
        pieces: Sequence[Piece],
        layers: Sequence[Layer],
        changed: int,
    ) -> None:
        self.base = base
        self.state = state
        self.index = tuple(index)
        self.pieces = tuple(pieces)
        self.layers = tuple(layers)
        self.changed = changed
        self.pages = delta.page_count(index)

    @property
    def memory(self) -> int:
        """Bytes of all arenas together."""
        return sum(self.state.committed)

    @property
    def size(self) -> int:
        """Bytes that its pages take; most of them belong to earlier states as well."""
        return self.pages * PAGE

    def adopt(self, memory: SessionMemory | None = None) -> tuple[Adopt, list[int]]:
        """The message that makes a VM of ``base`` this one, and its descriptors."""
        files = [piece.fd for piece in self.pieces] + [layer.fd for layer in self.layers]
        if memory is not None:
            files.append(memory.fd)
        index = delta.pack_index(self.index)
        hot = self.base.hot or self.base.facts.extents
        return Adopt(
            self.state, index, len(self.pieces), memory is not None, hot, wants_all(self)
        ), files


def wants_all(parent: Snapshot | SessionState) -> bool:
    """Whether the next commit should keep all pages anew rather than those that changed."""
    if isinstance(parent, Snapshot):
        return False
    dead = sum(piece.pages for piece in parent.pieces) - parent.pages
    return len(parent.pieces) >= _PIECES or dead > max(_DEAD_PAGES, parent.pages)


def after(
    parent: Snapshot | SessionState,
    kept: Kept,
    fd: int,
    layers: Sequence[Layer],
    *,
    full: bool,
    more: int,
) -> SessionState:
    """The state after a cell that began with ``parent``, out of what its worker sent.

    ``layers``: that the cell mapped; ``more``: bytes that its arenas may have grown. Takes the
    descriptor. Everything is checked: ``ProtocolViolation``; ``LimitExceeded``.
    """
    try:
        base = parent if isinstance(parent, Snapshot) else parent.base
        earlier = () if isinstance(parent, Snapshot) else parent.layers
        every = [*earlier, *layers]
        if len(every) > delta.LAYERS_MAX:
            raise LimitExceeded(
                f"/home changed outside of the session's memory {len(every)} times",
                hint="%reset begins anew",
            )
        # Arenas only grow, and layers stay where they are: else no VM could take the next state.
        places: tuple[int, ...] = ()
        committed = base.facts.arenas.committed
        if isinstance(parent, SessionState):
            committed, places = parent.state.committed, parent.state.layers
        most = parent.memory + more
        delta.check_state(kept.state, committed, [layer.size for layer in every], most)
        if kept.state.layers[: len(places)] != places:
            raise ProtocolViolation("a worker moved the layers of its session")
        runs = delta.unpack_runs(kept.runs, Places(base.facts.ram, kept.state.committed))
        pages = delta.page_count(runs)
        if not memfd.is_sealed(fd) or memfd.size_of(fd) != pages * PAGE:
            raise ProtocolViolation("a worker sent a piece that is not sealed or not whole")
    except BaseException:
        os.close(fd)
        raise
    new = Piece(fd, pages)
    if full or isinstance(parent, Snapshot):
        return SessionState(base, kept.state, delta.stretches(runs, 0), (new,), every, pages)
    number = len(parent.pieces)
    index = delta.overlay(parent.index, delta.stretches(runs, number))
    return SessionState(base, kept.state, *_seen(index, (*parent.pieces, new)), every, pages)


def _seen(index: Sequence[Stretch], pieces: Sequence[Piece]) -> tuple[list[Stretch], list[Piece]]:
    """Leave out pieces of which nothing is seen."""
    used = sorted({stretch.piece for stretch in index})
    if len(used) == len(pieces):
        return list(index), list(pieces)
    numbers = {old: new for new, old in enumerate(used)}
    renumbered = [Stretch(first, end, numbers[piece], slot) for first, end, piece, slot in index]
    return renumbered, [pieces[old] for old in used]
