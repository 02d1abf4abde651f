"""Reads, writes and executes the frames that the processor pushes: a forged one returns to ring 0.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from supervisor_page import refuses_executing, refuses_reading, refuses_writing

from hypercell.vmm import abi

STOPPED_BY = (Layer.PROCESSOR,)
PLACE = abi.FRAMES


def test_reading(attack: Attack) -> None:
    refuses_reading(attack, PLACE)


def test_writing(attack: Attack) -> None:
    refuses_writing(attack, PLACE)


def test_executing(attack: Attack) -> None:
    refuses_executing(attack, PLACE)
