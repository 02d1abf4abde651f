"""Damages the file itself: its header, sections, lengths.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import GuestCrash, InvalidModule

STOPPED_BY = (Layer.WASM, Layer.PROCESSOR)

UD2 = b"\x0f\x0b"
ONES, ZEROS = b"\xff" * 8, bytes(8)
NO_ELF = "no 64-bit ELF file"
TABLE = "section table .* is malformed"
# Offsets in the ELF header that the host reads.
DAMAGES = (
    (0, ONES, NO_ELF),
    (0, ZEROS, NO_ELF),
    (4, ONES, NO_ELF),
    (4, ZEROS, NO_ELF),
    (16, ONES, NO_ELF),
    (16, ZEROS, NO_ELF),
    (40, ONES, "ends before"),
    (40, ZEROS, "section names .* too long"),
    (48, ZEROS, "cannot be loaded: incompatible object file"),
    (58, ONES, TABLE),
    (58, ZEROS, TABLE),
    (60, ONES, TABLE),
    (60, ZEROS, TABLE),
)


def test_it_is_refused(cell: Cells) -> None:
    for at, piece, match in DAMAGES:
        cell.forged(UD2, InvalidModule, match, damage=(at, piece))


def test_what_nobody_reads_changes_nothing(cell: Cells) -> None:
    """The entry of the program, and flags: the forged code runs, in ring 3, and faults."""
    for damage in ((24, ONES), (24, ZEROS), (48, ONES)):
        cell.forged(UD2, GuestCrash, "invalid opcode", damage=damage)
