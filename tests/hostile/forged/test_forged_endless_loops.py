"""Never comes back.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import SPIN, hypercall, loop

from hypercell.vmm import abi
from hypercell.vmm.errors import TimedOut

STOPPED_BY = (Layer.LIMITS,)


CODE = (
    (SPIN, "longer than 1 s"),
    (loop(hypercall(abi.HC_FLUSH)), "longer than 1 s"),
    (hypercall(abi.HC_SLEEP, 1 << 63), "longer than 1 s"),
)


def test_it_ends_there(cell: Cells) -> None:
    for code, match in CODE:
        cell.forged(code, TimedOut, match)
