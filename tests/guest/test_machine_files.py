"""Code and layers as a raw guest sees them: rights, places, limits."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

import pytest
import rawguest
from harness import MEMORY, RecordingHost
from rawguest import REPLY, load, mov, save, store, wait

from hypercell.vmm import abi, memfd
from hypercell.vmm.errors import GuestCrash, HostError, InvalidModule, LimitExceeded
from hypercell.vmm.image import GuestImage
from hypercell.vmm.machine import Machine
from hypercell.vmm.windows import SPARE_SIZE, HugeMapping

RETURN_42 = mov("rax", 42) + b"\xc3"
SMALL = RETURN_42
BIG = RETURN_42.ljust(2 * abi.HUGE + 0x3000, b"\xcc") + RETURN_42


def cwasm(text: bytes, at: int = 0x3000) -> bytes:
    table = at + len(text)
    names = b"\0.text\0.shstrtab\0"
    data = bytearray(table)
    data[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2,
    )  # fmt: skip
    data[64 : 64 + len(names)] = names
    data[0x1000:0x1008] = b"read me!"
    data[at:table] = text
    for name, offset, size in ((0, 0, 0), (1, at, len(text)), (7, 64, len(names))):
        data += struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 0, 0)
    return bytes(data)


def call(address: int) -> bytes:
    return mov("rax", address) + b"\xff\xd0" + save(REPLY) + wait(8)


def _pad(text: bytes) -> int:
    return abi.HUGE - 0x3000 if len(text) >= abi.HUGE else 0


Boot = Callable[[bytes], Machine]
ANSWER = (42).to_bytes(8, "little")


@pytest.fixture
def boot(kvm_fd: int) -> Iterator[Boot]:
    made: list[Machine] = []

    def start(code: bytes) -> Machine:
        image = GuestImage(rawguest.raw_elf(wait() + code))
        made.append(Machine.boot(kvm_fd, image, limits_memory=MEMORY))
        made[-1].start(RecordingHost())
        return made[-1]

    yield start
    for machine in made:
        machine.close()


@pytest.fixture
def files() -> Iterator[Callable[[bytes], tuple[int, int]]]:
    opened: list[int] = []

    def make(data: bytes) -> tuple[int, int]:
        opened.append(memfd.of_bytes(data, "test"))
        return opened[-1], len(data)

    yield make
    for fd in opened:
        os.close(fd)


@pytest.mark.parametrize("text", [SMALL, BIG], ids=["small", "big"])
@pytest.mark.parametrize("huge", [False, True], ids=["file", "huge mapping"])
def test_code_runs(boot, files, text: bytes, huge: bool) -> None:  # type: ignore[no-untyped-def]
    start = abi.CODE_BASE + huge * SPARE_SIZE + _pad(text) + 0x3000
    machine = boot(call(start) + call(start + len(text) - len(RETURN_42)))
    fd, size = files(cwasm(text))
    source = HugeMapping(fd, size, code=True) if huge else fd
    assert machine.map_code(source, size) == (start - 0x3000, size)
    assert machine.run(b"", RecordingHost()) == ANSWER
    assert machine.run(b"", RecordingHost()) == ANSWER
    machine.close()
    if isinstance(source, HugeMapping):
        source.close()
        source.close()


def test_big_text_has_large_pages(boot, files) -> None:  # type: ignore[no-untyped-def]
    machine = boot(wait())
    address, _ = machine.map_code(*files(cwasm(BIG)))
    text = address + 0x3000
    assert text % abi.HUGE == 0
    for unit in range(2):
        slot = machine._tables.directory_entry(text + unit * abi.HUGE)
        assert int.from_bytes(machine._memory.view(slot, 8), "little") & 0x80


def test_the_end_of_big_text_has_a_large_page_and_what_is_beyond_it_is_data(boot, files) -> None:  # type: ignore[no-untyped-def]
    text = abi.CODE_BASE + _pad(BIG) + 0x3000
    end, beyond = text + 2 * abi.HUGE, text + 3 * abi.HUGE
    assert end < text + len(BIG) < beyond
    machine = boot(load(beyond) + save(REPLY) + wait(8) + call(beyond))
    machine.map_code(*files(cwasm(BIG).ljust(0x3000 + 3 * abi.HUGE, b"\0") + RETURN_42))
    slot = machine._tables.directory_entry(end)
    assert int.from_bytes(machine._memory.view(slot, 8), "little") & 0x80
    assert machine.run(b"", RecordingHost()) == RETURN_42[:8]
    with pytest.raises(GuestCrash) as caught:
        machine.run(b"", RecordingHost())
    assert (caught.value.error, caught.value.rip) == (0x15, beyond)


@pytest.mark.parametrize("text", [SMALL, BIG], ids=["small", "big"])
def test_only_text_is_executable(boot, files, text: bytes) -> None:  # type: ignore[no-untyped-def]
    place = abi.CODE_BASE + _pad(text) + 0x1000
    machine = boot(load(place) + save(REPLY) + wait(8) + call(place))
    machine.map_code(*files(cwasm(text)))
    assert machine.run(b"", RecordingHost()) == b"read me!"
    with pytest.raises(GuestCrash) as caught:
        machine.run(b"", RecordingHost())
    assert (caught.value.error, caught.value.rip) == (0x15, place)


@pytest.mark.parametrize("text", [SMALL, BIG], ids=["small", "big"])
@pytest.mark.parametrize("offset", [0x1000, 0x3000], ids=["data", "text"])
def test_code_is_read_only(boot, files, text: bytes, offset: int) -> None:  # type: ignore[no-untyped-def]
    place = abi.CODE_BASE + _pad(text) + offset
    data = cwasm(text)
    machine = boot(store(place, 0))
    fd, size = files(data)
    machine.map_code(fd, size)
    with pytest.raises(GuestCrash) as caught:
        machine.run(b"", RecordingHost())
    assert (caught.value.error, caught.value.address) == (7, place)
    assert os.pread(fd, size, 0) == data


def test_a_layer_is_data(boot, files) -> None:  # type: ignore[no-untyped-def]
    machine = boot(load(abi.LAYER_BASE) + save(REPLY) + wait(8) + call(abi.LAYER_BASE))
    assert machine.map_layer(*files(b"a layer!")) == (abi.LAYER_BASE, 8)
    assert machine.run(b"", RecordingHost()) == b"a layer!"
    with pytest.raises(GuestCrash) as caught:
        machine.run(b"", RecordingHost())
    assert caught.value.error == 0x15


def test_files_lie_one_after_the_other_with_nothing_between(boot, files) -> None:  # type: ignore[no-untyped-def]
    machine = boot(load(abi.LAYER_BASE + abi.PAGE))
    places = [machine.map_layer(*files(bytes([65 + i]) * 100))[0] for i in range(5)]
    assert places == [abi.LAYER_BASE + i * abi.HUGE for i in range(5)]
    with pytest.raises(GuestCrash, match="page fault"):
        machine.run(b"", RecordingHost())


def test_forks_find_code_and_layers_where_they_were(boot, files, kvm_fd: int) -> None:  # type: ignore[no-untyped-def]
    code, layer = files(cwasm(BIG)), files(b"a layer!")
    text = abi.CODE_BASE + _pad(BIG) + 0x3000
    machine = boot(wait() + call(text) + load(abi.LAYER_BASE) + save(REPLY) + wait(8))
    machine.map_code(*code)
    machine.map_layer(*layer)
    machine.run(b"", RecordingHost())
    snapshot = machine.snapshot()
    mapping = HugeMapping(*code, code=True)
    for source in (code[0], mapping):
        fork = Machine.fork(
            kvm_fd, snapshot, limits_memory=MEMORY, code=[source], layers=[layer[0]]
        )
        assert fork.run(b"", RecordingHost()) == ANSWER
        assert fork.run(b"", RecordingHost()) == b"a layer!"
        # A further file does not land on those of the snapshot.
        assert fork.map_layer(*files(b"next"))[0] == abi.LAYER_BASE + abi.HUGE
        fork.close()
    mapping.close()
    snapshot.close()


def test_what_cannot_be_mapped(boot, files) -> None:  # type: ignore[no-untyped-def]
    machine = boot(wait())
    with pytest.raises(InvalidModule):
        machine.map_code(*files(b"no ELF at all" * 100))
    fd, _ = files(b"short")
    with pytest.raises(HostError, match="shorter"):
        machine.map_layer(fd, 1 << 20)
    with pytest.raises(HostError):
        machine.map_layer(fd, 0)
    big = memfd.create("hole")
    os.ftruncate(big, abi.LAYER_SIZE + 1)
    with pytest.raises(LimitExceeded):
        machine.map_layer(big, abi.LAYER_SIZE + 1)
    os.close(big)
    assert machine.run(b"", RecordingHost()) == b""  # none of it harmed the VM
