"""Sets AC: an odd access faults, in ring 3 or in the stub.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import wait

from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


def test_it_faults(attack: Attack) -> None:
    raw = attack(b"\x68\x02\x00\x04\x00\x9d\x48\x8b\x44\x24\xf1" + wait())
    assert raw.fails(GuestCrash, "alignment check").vector == 17
