"""What every attack on a page of ring 0 must meet, whichever page it is."""

from __future__ import annotations

from harness import Attack
from rawguest import load, mov, store

from hypercell.vmm.errors import GuestCrash


def refuses_reading(attack: Attack, place: int) -> None:
    """A page fault: the page is there, for ring 0 only."""
    crash = attack(load(place)).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (5, place)


def refuses_writing(attack: Attack, place: int) -> None:
    """As reading, with the bit for a write."""
    crash = attack(store(place, 1)).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (7, place)


def refuses_executing(attack: Attack, place: int) -> None:
    """As reading, with the bit for an instruction."""
    crash = attack(mov("rax", place) + b"\xff\xe0").fails(GuestCrash, "page fault")
    assert (crash.error, crash.rip) == (0x15, place)
