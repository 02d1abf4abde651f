"""Sets AC: an odd access faults, in ring 3 or in the stub.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import wait

STOPPED_BY = (Layer.PROCESSOR, Layer.HARMLESS)


def test_it_faults_or_is_let_through(attack: Attack) -> None:
    raw = attack(b"\x68\x02\x00\x04\x00\x9d\x48\x8b\x44\x24\xf1" + wait())
    assert raw.vector_or_wait() in (None, 17)
