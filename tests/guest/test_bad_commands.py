"""Commands that make no sense get an error; the machine goes on."""

import pytest
from guest_vm import compiled

from hypercell.vmm import abi
from hypercell.vmm.commands import Failed, Load, Ok, Usage
from hypercell.vmm.wire import Reader, Writer


def raw(vm, *commands):
    """The last (status, message) of a batch of (op, body)."""
    writer = Writer().u32(len(commands))
    for op, body in commands:
        writer.u32(op).bytes(body)
    return answer(vm, writer.done())


def answer(vm, batch):
    reader = Reader(vm.machine.run(batch, vm.host))
    status, body = reader.u32(), Reader(reader.bytes())
    reader.end()
    return status, body.str()


@pytest.mark.parametrize(
    ("op", "body", "message"),
    [
        (0, b"", "command 0 is not known, or not allowed here"),
        (999, b"", "command 999 is not known, or not allowed here"),
        (abi.CMD_USAGE, b"xy", "a bad command: 2 bytes too many"),
        (abi.CMD_INSTANTIATE, b"", "a bad command: a field of 4 bytes, but 0 are left"),
        (
            abi.CMD_INVOKE,
            Writer().u32(0).u32(0xFFFF_FFFF).done(),
            "a bad command: a field of 4294967295 bytes, but 0 are left",
        ),
        (
            abi.CMD_REGISTER,
            Writer().u32(0).bytes(b"\xff").done(),
            "a bad command: a string that is not UTF-8",
        ),
        (abi.CMD_INSTANTIATE, Writer().u32(3).str("").done(), "there is no module 3"),
    ],
)
def test_a_bad_command_is_an_error(vm, op, body, message):
    assert raw(vm, (op, body)) == (abi.ST_ERROR, message)
    assert isinstance(vm.run(Usage()), Ok)


@pytest.mark.parametrize("batch", [b"", b"\1", Writer().u32(2).u32(1).done(), b"\0" * 9])
def test_a_damaged_batch_is_an_error(vm, batch):
    status, message = answer(vm, batch)
    assert status == abi.ST_ERROR
    assert message.startswith("a bad command")


def test_an_empty_batch_does_nothing(vm):
    assert vm.machine.run(Writer().u32(0).done(), vm.host) == b""


@pytest.mark.parametrize(
    ("address", "length"),
    [
        (0, 1),
        (abi.IMAGE, 100),
        (abi.CODE_BASE - 1, 100),
        (abi.CODE_BASE, abi.CODE_SIZE + 1),
        (abi.CODE_BASE + 1, (1 << 64) - 1),
        (abi.CODE_BASE + abi.CODE_SIZE, 1),
    ],
)
def test_code_outside_its_window_is_refused(vm, address, length):
    body = Writer().u64(address).u64(length).u32(abi.KIND_MODULE).done()
    status, message = raw(vm, (abi.CMD_LOAD, body))
    assert status == abi.ST_ERROR
    assert message.startswith("no code can be at")


@pytest.mark.parametrize("address", [abi.LAYER_BASE - 1, abi.HEAP, abi.LAYER_BASE + abi.LAYER_SIZE])
def test_layers_outside_their_window_are_refused(vm, address):
    body = Writer().u64(address).u64(1).str("/usr").u32(abi.MOUNT_LAYER).done()
    status, message = raw(vm, (abi.CMD_MOUNT, body))
    assert status == abi.ST_ERROR
    assert message.startswith("no layer can be at")


def test_damaged_code_is_refused(vm):
    data = compiled("(module)").replace(b"48", b"47", 1)
    reply = vm.run(Load(vm.map_raw_code(data)))
    assert isinstance(reply, Failed)
    assert reply.message.startswith("the code cannot be loaded")
