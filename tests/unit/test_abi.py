"""Both sides of the contract say the same: every constant, by name and value."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from hypercell.vmm import abi

RUST = Path(__file__).resolve().parents[2] / "guest" / "abi" / "src" / "lib.rs"
_CONST = re.compile(r"^pub const ([A-Z0-9_]+): (u16|u32|u64) = (0x[0-9A-Fa-f_]+|[0-9_]+);", re.M)
_ANY = re.compile(r"^pub const ([A-Z0-9_]+)", re.M)
_WIDTHS = {"u16": 16, "u32": 32, "u64": 64}


def guest_side() -> dict[str, int]:
    text = RUST.read_text()
    found = {name: int(value.replace("_", ""), 0) for name, _, value in _CONST.findall(text)}
    assert set(found) == set(_ANY.findall(text)), "a constant that this test cannot read"
    return found


def host_side() -> dict[str, int]:
    return {
        name: value for name, value in vars(abi).items() if name.isupper() and type(value) is int
    }


def test_both_sides_have_the_same_names() -> None:
    assert set(guest_side()) == set(host_side())


@pytest.mark.parametrize("name", sorted(host_side()))
def test_both_sides_have_the_same_value(name: str) -> None:
    assert guest_side()[name] == host_side()[name]


def test_constants_fit_their_types() -> None:
    for name, width, value in _CONST.findall(RUST.read_text()):
        assert int(value.replace("_", ""), 0) < 1 << _WIDTHS[width], name


def regions() -> dict[str, tuple[int, int]]:
    shared = abi.SHARED_BASE
    return {
        "page tables": (abi.PML4, abi.GDT),
        "GDT": (abi.GDT, abi.GDT + abi.PAGE),
        "IDT": (abi.IDT, abi.IDT + abi.PAGE),
        "TSS": (abi.TSS, abi.TSS + abi.PAGE),
        "stub": (abi.STUB, abi.STUB + abi.PAGE),
        "frames": (abi.FRAMES, abi.FRAMES + abi.PAGE),
        "kernel stack": (abi.KERNEL_STACK, abi.KERNEL_STACK + abi.PAGE),
        "fault record": (abi.FAULT_RECORD, abi.FAULT_RECORD + abi.PAGE),
        "fault stack": (abi.FAULT_STACK, abi.FAULT_STACK + abi.FAULT_STACK_SIZE),
        "image": (abi.IMAGE, abi.IMAGE + abi.IMAGE_SIZE),
        "stack": (abi.STACK, abi.STACK + abi.STACK_SIZE),
        "heap": (abi.HEAP, abi.HEAP + abi.HEAP_SIZE),
        "tables": (abi.TABLES_BASE, abi.TABLES_BASE + abi.TABLES_SIZE),
        "mailbox": (shared, shared + abi.PAGE),
        "ring header": (shared + abi.RING_HEADER, shared + abi.RING_HEADER + abi.PAGE),
        "stdin": (shared + abi.STDIN_AREA, shared + abi.STDIN_AREA + abi.STDIN_AREA_SIZE),
        "ring": (shared + abi.RING, shared + abi.RING + abi.RING_SIZE),
        "commands": (shared + abi.COMMAND_AREA, shared + abi.COMMAND_AREA + abi.COMMAND_AREA_SIZE),
        "replies": (shared + abi.REPLY_AREA, shared + abi.REPLY_AREA + abi.REPLY_AREA_SIZE),
        "pool": (abi.POOL_BASE, abi.POOL_BASE + abi.POOL_FIRST_SLOT),
        "code window": (abi.CODE_BASE, abi.CODE_BASE + abi.CODE_SIZE),
        "layer window": (abi.LAYER_BASE, abi.LAYER_BASE + abi.LAYER_SIZE),
    }


def test_regions_do_not_overlap_and_are_whole_pages() -> None:
    ordered = sorted(regions().items(), key=lambda item: item[1])
    for name, (start, end) in ordered:
        assert start % abi.PAGE == end % abi.PAGE == 0, name
    for (name, (_, end)), (following, (start, _)) in itertools.pairwise(ordered):
        assert end <= start, f"{name} reaches into {following}"


def test_what_must_have_a_guard_has_one() -> None:
    starts = {start for start, _ in regions().values()}
    ends = {end for _, end in regions().values()}
    for bottom in (abi.FAULT_STACK, abi.STACK):
        assert bottom not in ends
    assert abi.PAGE in starts  # page 0 belongs to nothing
