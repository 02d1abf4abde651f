"""WASI 0.2: whatever a component asks for, it gets a bounded answer, an error or a trap."""

import pytest
import wasi_components as p

from hypercell.vmm import abi
from hypercell.vmm.commands import Call, Failed, Instantiate, Load, Ok, Trapped, Wasi
from hypercell.vmm.errors import OutputLimitExceeded


def number(vm, instance, export):
    reply = vm.run(Call(instance, export))
    assert isinstance(reply, Ok), reply
    return int(reply.text)


def trap(vm, instance, export):
    reply = vm.run(Call(instance, export))
    assert isinstance(reply, Trapped), reply
    return reply.message


def test_random_bytes_are_all_there(vm):
    assert number(vm, vm.component(p.RANDOM), "some") == 100_000


@pytest.mark.parametrize("export", ["endless", "much"])
def test_too_many_random_bytes_are_a_trap(vm, export):
    assert "random bytes at once" in trap(vm, vm.component(p.RANDOM), export)


def test_a_sleep_goes_to_the_host(vm):
    number(vm, vm.component(p.POLL), "sleep")
    assert vm.host.slept > 0


def test_poll_tells_what_is_ready(vm):
    assert number(vm, vm.component(p.POLL), "choose") == 11  # one, and it is number 1
    assert vm.host.slept == 0


def test_poll_of_nothing_is_a_trap(vm):
    assert "nothing to wait for" in trap(vm, vm.component(p.POLL), "of-none")


def test_resources_are_bounded_and_dropped(vm):
    instance = vm.component(p.POLL)
    assert number(vm, instance, "drop-each") == 20_000
    assert "no free keys" in trap(vm, instance, "leak")


def test_open_streams_are_bounded(vm):
    reply = vm.run(Call(vm.component(p.STREAMS), "open-many"))
    assert isinstance(reply, Failed)
    assert reply.status == abi.ST_REFUSED
    assert "1024 files open" in reply.message


def asking(vm):
    """The streams component with standard input."""
    loaded = vm.run(Load(vm.map_component(p.STREAMS), component=True))
    return vm.run(Wasi(stdin=True), Instantiate(loaded.number)).number


def test_input_comes_in_pieces_then_is_closed(vm):
    vm.host.input = [b"x" * 0x1_0000, b"end"]
    instance = asking(vm)
    assert [number(vm, instance, "read-all") for _ in range(3)] == [0x1_0000, 3, 1_000_001]


def test_without_input_it_is_closed(vm):
    vm.host.input = [b"not asked for"]
    assert number(vm, vm.component(p.STREAMS), "read-all") == 1_000_001
    assert vm.host.input


def test_zeros_are_written(vm):
    assert number(vm, vm.component(p.STREAMS), "ten-zeros") == 0
    assert vm.host.stdout == bytes(10)


def test_endless_zeros_end_at_the_output_limit(vm):
    written = 0

    def output(stream, data):
        nonlocal written
        written += len(data)
        if written > 1 << 20:
            raise OutputLimitExceeded("enough")

    vm.host.output = output
    with pytest.raises(OutputLimitExceeded):
        vm.run(Call(vm.component(p.STREAMS), "endless-zeros"))


def test_what_is_too_much_for_one_call_is_a_trap(vm):
    trap(vm, vm.component(p.STREAMS), "write-much")
    assert vm.host.stdout == b""


def test_sockets_are_denied(vm):
    access_denied = 1
    assert number(vm, vm.component(p.SOCKETS), "create") == 100 + access_denied
