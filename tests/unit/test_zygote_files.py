"""What the zygote learns before it forks: nothing that a hostile process made large."""

import msgspec
import pytest

from hypercell.vmm import abi
from hypercell.vmm.arenas import ArenaRecords
from hypercell.vmm.cpu_state import XSAVE_SIZE, Registers
from hypercell.vmm.messages import Fork
from hypercell.vmm.page_tables import FIRST_FREE_TABLE
from hypercell.vmm.snapshot import SnapshotState
from hypercell.vmm.windows import Mapped
from hypercell.vmm.zygote import Files


def state(layers: int = 0, table: int = FIRST_FREE_TABLE) -> bytes:
    records = tuple(Mapped(abi.PAGE, abi.PAGE) for _ in range(layers))
    xsave = bytes(XSAVE_SIZE)
    arenas = ArenaRecords()
    return msgspec.msgpack.encode(
        SnapshotState(Registers(), xsave, arenas, table, (), records, 0, False, (), ())
    )


def learnt(packed: bytes) -> int:
    SnapshotState.unpack.cache_clear()
    Files().hold(Fork(1, (), packed), [])
    return SnapshotState.unpack.cache_info().currsize


def test_a_state_is_unpacked_once_for_all_workers():
    assert learnt(state()) == 1


@pytest.mark.parametrize(
    "packed", [b"", b"\xc1", state(table=0), state(layers=20_000)], ids=["no", "junk", "lie", "big"]
)
def test_what_is_none_or_wrong_or_large_is_left_to_the_worker(packed: bytes):
    assert learnt(packed) == 0


def test_the_large_one_is_sound_otherwise():
    SnapshotState.unpack(state(layers=20_000))
