"""Never comes back.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import SPIN, hypercall, loop

from hypercell.vmm import abi

STOPPED_BY = (Layer.LIMITS,)


CODE = (SPIN, loop(hypercall(abi.HC_FLUSH)), hypercall(abi.HC_SLEEP, 1 << 63))


def test_it_ends_there(cell: Cells) -> None:
    for code in CODE:
        cell.forged(code)
    assert len(cell.aftermath.stopped) == len(CODE)
