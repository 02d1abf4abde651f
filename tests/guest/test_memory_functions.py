"""The image's own memcpy, memmove and memset, through memory.copy, memory.fill and the commands."""

import random

import pytest
from guest_vm import i32

from hypercell.vmm.commands import MemoryRead, MemoryWrite, Ok

SIZE = 0x4000
BULK = """(module (memory (export "memory") 1)
  (func (export "copy") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2))))"""
LENGTHS = (*range(70), 127, 128, 129, 255, 256, 257, 500, 511, 512, 513, 529, 1000, 4096)


@pytest.fixture
def bulk(vm):
    return vm.instantiate(BULK)


def content(vm, instance):
    reply = vm.run(MemoryRead(instance, "memory", 0, SIZE))
    return reply.data


def test_copies_of_any_length_and_overlap_are_right(vm, bulk):
    source = random.Random(5)  # noqa: S311
    expected = bytearray(source.randbytes(SIZE))
    assert isinstance(vm.run(MemoryWrite(bulk, "memory", 0, bytes(expected))), Ok)
    for length in LENGTHS:
        for distance in (0, 1, -1, 7, -8, 15, -16, 17, -33, 300, -2000, 2500):
            start = source.randrange(3000, 3600)
            end = start + distance
            expected[end : end + length] = expected[start : start + length]
            assert isinstance(vm.call(bulk, "copy", i32(end), i32(start), i32(length)), Ok)
        assert content(vm, bulk) == expected, length


def test_fills_of_any_length_are_right(vm, bulk):
    expected = bytearray(SIZE)
    for number, length in enumerate(LENGTHS):
        start, byte = 1 + number * 13, (number * 37 + 1) % 256
        expected[start : start + length] = bytes([byte]) * length
        assert isinstance(vm.call(bulk, "fill", i32(start), i32(byte), i32(length)), Ok)
        assert content(vm, bulk) == expected, length


def test_commands_move_any_length(vm, bulk):
    data = random.Random(6).randbytes(SIZE)  # noqa: S311
    for length in LENGTHS:
        for start in (0, 1, 9):
            piece = data[start : start + length]
            assert isinstance(vm.run(MemoryWrite(bulk, "memory", start, piece)), Ok)
            assert vm.run(MemoryRead(bulk, "memory", start, length)) == Ok(data=piece)
