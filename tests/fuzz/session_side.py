"""Targets: a session's memory as a worker reports it and the next one takes it; snapshot files."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from source import Source, random_seeds
from target import Target

from hypercell.vmm import abi, cache, delta, memfd, messages, session_state, snapshot_store
from hypercell.vmm.arenas import ArenaRecords
from hypercell.vmm.cpu_state import XSAVE_SIZE, Registers
from hypercell.vmm.delta import DeltaState, Places, Run, Stretch
from hypercell.vmm.errors import HypercellError
from hypercell.vmm.layer import Layer
from hypercell.vmm.page_tables import FIRST_FREE_TABLE
from hypercell.vmm.runs import check_units
from hypercell.vmm.session_state import SessionState
from hypercell.vmm.snapshot import SnapshotState
from hypercell.vmm.vm_snapshot import Facts, Snapshot

RAM = ((32, 64), (512, 1024))
COMMITTED = (0, 4 * abi.PAGE, *(0,) * (abi.ARENA_COUNT - 2))
MORE = 1 << 20
_COMMITS = 5
_STARTS = (32, 512, delta.arena_page(1, 0))
_LAYERS = tuple(Layer.from_bytes(bytes(size)) for size in (5000, 100))
_SOUND = DeltaState(Registers(), bytes(XSAVE_SIZE), COMMITTED, (), 0)


class _State(msgspec.Struct):
    arenas: ArenaRecords
    ram: tuple[Run, ...]
    extents: tuple[Run, ...] = ()


_RUNTIME = Snapshot(
    "runtime",
    memfd.of_bytes(b"", "runtime"),
    msgspec.msgpack.encode(_State(ArenaRecords(COMMITTED), RAM)),
)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def runs(source: Source, starts: Sequence[int] = _STARTS) -> list[Run]:
    """Mostly pages of a session, in order; at times none of its own, or nonsense."""
    found, page = [], source.pick(starts)
    for _ in range(source.below(6)):
        first = page + source.below(9)
        page = first + 1 + source.below(5)
        if source.rarely():
            first, page = source.wild() % (1 << 32), source.wild() % (1 << 32)
        found.append((first, page))
    return found


def _bytes(source: Source) -> int:
    return source.wild() * source.pick((1, abi.PAGE)) % (1 << 64)


def state(source: Source) -> DeltaState:
    """A state with, at times, one number that is not right."""
    changes: dict[str, object] = {}
    for _ in range(source.below(3)):
        match source.below(6):
            case 0:
                committed = [*COMMITTED]
                committed[source.below(abi.ARENA_COUNT)] = _bytes(source)
                changes["committed"] = tuple(committed[: source.pick((64, 64, 64, 63))])
            case 1:
                field = source.pick(("rip", "rsp", "rflags"))
                changes["registers"] = Registers(**{field: source.wild()})
            case 2:
                changes["ring_position"] = source.wild()
            case 3:
                changes["layers"] = tuple(_bytes(source) for _ in range(source.below(4)))
            case 4:
                changes["layers"] = (0, abi.HUGE)
            case _:
                changes["xsave"] = bytes(source.pick((0, XSAVE_SIZE, XSAVE_SIZE + 1)))
    return msgspec.structs.replace(_SOUND, **changes)


def _piece(source: Source, pages: int) -> int:
    """A piece as it should be, or not."""
    kind = source.number() % 32
    if kind == 31:
        return os.open(os.devnull, os.O_RDWR)
    fd = memfd.create("piece")
    os.ftruncate(fd, min(pages, 1 << 20) * abi.PAGE + (kind == 30))
    return fd if kind == 29 else memfd.seal(fd)


def check_index(index: Sequence[Stretch], places: Places, sizes: Sequence[int]) -> None:
    """In order, apart, all of them pages of the session and of a piece."""
    end = 0
    for stretch in index:
        assert end <= stretch.first < stretch.end
        end = stretch.end
        assert any(a <= stretch.first and stretch.end <= b for a, b in places.runs)
        assert 0 <= stretch.slot <= sizes[stretch.piece] - (stretch.end - stretch.first)


def _kept(data: bytes) -> None:
    """A few commits, as workers send them: each gives a sound state, or leaves the one before."""
    source = Source(data)
    parent: Snapshot | SessionState = _RUNTIME
    pages: set[int] = set()
    before = _descriptors()
    held = 0
    for _ in range(_COMMITS):
        if not source:
            break
        wanted = runs(source)
        sent = messages.Kept(state(source), _packed(wanted, source))
        sent = msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=messages.Kept)
        layers = _LAYERS if len(sent.state.layers) == 2 else ()
        known = 0 if isinstance(parent, Snapshot) else len(parent.layers)
        fd = _piece(source, max(0, delta.page_count(wanted)))
        full = source.rarely()
        try:
            new = session_state.after(parent, sent, fd, layers[known:], full=full, more=MORE)
        except HypercellError:
            assert _descriptors() == before + held, "the piece of a refused commit is closed"
            continue
        fresh = {page for run in wanted for page in range(*run)}
        pages = fresh if full or isinstance(parent, Snapshot) else pages | fresh
        parent = new
        places = Places(RAM, new.state.committed)
        check_index(new.index, places, [piece.pages for piece in new.pieces])
        assert {page for s in new.index for page in range(s.first, s.end)} == pages
        held = _descriptors() - before
        assert held == len(new.pieces)
        _travels(new)
    del parent


def _packed(wanted: Sequence[Run], source: Source) -> bytes:
    packed = b"".join(
        struct.pack("<2I", first % (1 << 32), end % (1 << 32)) for first, end in wanted
    )
    return packed[:-3] if source.rarely() else packed


def _travels(kept: SessionState) -> None:
    """What goes to the next worker is what its VM accepts."""
    message, files = kept.adopt()
    assert len(files) == len(kept.pieces) + len(kept.layers)
    taken = msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=messages.Adopt)
    sizes = [memfd.size_of(fd) for fd in files[taken.pieces :]]
    delta.check_state(taken.state, COMMITTED, sizes, sum(taken.state.committed))
    places = Places(RAM, taken.state.committed)
    index = delta.unpack_index(taken.index, places, [piece.pages for piece in kept.pieces])
    assert tuple(index) == kept.index


def _index(data: bytes) -> None:
    """What a worker does with an index: any bytes."""
    places, sizes = Places(RAM, COMMITTED), [6, 0, 1 << 31]
    index = delta.unpack_index(data, places, sizes)
    check_index(index, places, sizes)
    assert delta.pack_index(index) == data


def _runs(data: bytes) -> None:
    """What the kernel process does with the pages that a worker names: any bytes."""
    places = Places(RAM, COMMITTED)
    found = delta.unpack_runs(data, places)
    check_index(delta.stretches(found, 0), places, [delta.page_count(found)])
    assert delta.pack_runs(found) == data


# --- snapshots on disk -------------------------------------------------------------------------

_directory = tempfile.TemporaryDirectory(prefix="hypercell-fuzz-")
_cache = cache.Cache(Path(_directory.name))
_FILE = Path(_directory.name) / cache.LAYOUT / "snapshot-key"
_HEADER = cache._HEADER


def _snapshot_file(data: bytes) -> None:
    """The first byte says whether the checksum is made right, as somebody would who forges it."""
    forged, data = data[:1] == b"\1", data[1:]
    if forged and len(data) >= _HEADER.size:
        magic, meta, _, _ = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        meta %= len(body) + 1
        digest = cache._checksum("snapshot", "key", body[:meta], body[meta:]).digest()
        data = _HEADER.pack(magic, meta, len(body) - meta, digest) + body
    _FILE.write_bytes(data)
    before = _descriptors()
    found = snapshot_store.load(_cache, "key")
    if found is None:
        assert not _FILE.exists(), "what is damaged is deleted, so that it is made anew"
    else:
        fd, packed, hot = found
        check_units(hot)
        assert memfd.is_sealed(fd)
        os.close(fd)
        assert _descriptors() == before
        Facts.of(packed)  # what the kernel process takes out of it
        SnapshotState.unpack(packed)  # and the worker
    assert _descriptors() == before


def _stored() -> bytes:
    fd = memfd.of_bytes(b"page" * 1024, "snapshot", offset=abi.PAGE)
    packed = msgspec.msgpack.encode(
        SnapshotState(
            Registers(rip=abi.IMAGE),
            bytes(XSAVE_SIZE),
            ArenaRecords(COMMITTED, {2048: 0}, 1),
            FIRST_FREE_TABLE,
            (),
            (),
            8,
            False,
            RAM,
            ((0, abi.HUGE),),
        )
    )
    snapshot_store.store(_cache, "key", snapshot_store.Stored(fd, packed, ((0, abi.HUGE),)))
    os.close(fd)
    return _FILE.read_bytes()


_STORED = _stored()
_INDEX = delta.pack_index([Stretch(32, 34, 0, 0), Stretch(600, 601, 2, 7)])

TARGETS = (
    Target("session_kept", _kept, (bytes(60), *random_seeds(16))),
    Target("session_index", _index, (_INDEX, delta.pack_index([Stretch(513, 515, 2, 1 << 20)]))),
    Target("session_runs", _runs, (delta.pack_runs([(32, 40), (512, 514), (1 << 21, 2097154)]),)),
    Target("snapshot_file", _snapshot_file, (b"\0" + _STORED, b"\1" + _STORED)),
)
