"""Channels: typed messages, descriptors, and what a hostile other end can send."""

import asyncio
import os
import socket
import threading

import pytest

from hypercell.vmm import channel as channels
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.channel import MAX_MESSAGE, PACKET, Channel
from hypercell.vmm.errors import ProtocolViolation, WorkerLost
from hypercell.vmm.messages import Cancel, Fork, Output, StdinData, ToWorker


@pytest.fixture
def ends():
    ours, theirs = channels.pair()
    one, other = Channel(ours, ToWorker), Channel(theirs, ToWorker)
    yield one, other
    one.close()
    other.close()


def open_descriptors():
    return set(os.listdir("/proc/self/fd"))


def test_messages_arrive_whole_and_in_order(ends):
    one, other = ends
    sizes = [0, 1, PACKET - 20, PACKET, PACKET + 1, 3 * PACKET]
    sender = threading.Thread(target=lambda: [one.send(StdinData(b"x" * size)) for size in sizes])
    sender.start()
    assert [len(other.receive()[0].data) for _ in sizes] == sizes
    sender.join()


def test_descriptors_travel_with_a_message_of_many_packets(ends):
    one, other = ends
    fds = [os.memfd_create(str(n)) for n in range(100)]
    for number, fd in enumerate(fds):
        os.write(fd, str(number).encode())
    sender = threading.Thread(target=lambda: one.send(StdinData(b"x" * 5 * PACKET), fds))
    sender.start()
    _, received = other.receive()
    sender.join()
    assert [int(os.pread(fd, 9, 0)) for fd in received] == list(range(100))
    assert not any(os.get_inheritable(fd) for fd in received)
    channels.close_all([*fds, *received])


def test_end_of_stream_is_worker_lost(ends):
    one, other = ends
    one.close()
    with pytest.raises(WorkerLost):
        other.receive()
    with pytest.raises(WorkerLost):
        other.send(Cancel())


@pytest.mark.parametrize(
    "packet",
    [
        b"\x00",
        b"\x00garbage",
        b"\x01",
        b"\x00" + b"\x91" * 5000,
        b"\x00\x81\xa4type\xa4Boom",
    ],
)
def test_malformed_is_a_protocol_violation(packet):
    raw, theirs = channels.pair()
    with raw:
        raw.send(packet)
        channel = Channel(theirs, ToWorker)
        with pytest.raises(ProtocolViolation):
            channel.receive()
    theirs.close()


def test_another_message_type_is_refused(ends):
    one, other = ends
    one.send(Fork(1))
    with pytest.raises(ProtocolViolation):
        other.receive()


def test_descriptors_of_a_refused_message_are_closed():
    raw, theirs = channels.pair()
    before = open_descriptors()
    with open("/dev/null") as file:
        socket.send_fds(raw, [b"\x00garbage"], [file.fileno()] * 20)
    with pytest.raises(ProtocolViolation):
        Channel(theirs, ToWorker).receive()
    assert open_descriptors() == before
    raw.close()
    theirs.close()


def test_too_many_descriptors_are_refused_and_closed():
    raw, theirs = channels.pair()
    before = open_descriptors()
    with open("/dev/null") as file:
        for _ in range(2):
            socket.send_fds(raw, [b"\x01more"], [file.fileno()] * 150)
    with pytest.raises(ProtocolViolation):
        Channel(theirs, ToWorker).receive()
    assert open_descriptors() == before
    raw.close()
    theirs.close()


def test_an_endless_message_is_refused():
    raw, theirs = channels.pair()

    def flood():
        try:
            while True:
                raw.send(b"\x01" + b"x" * PACKET)
        except OSError:
            pass

    sender = threading.Thread(target=flood)
    sender.start()
    with pytest.raises(ProtocolViolation, match=str(MAX_MESSAGE)):
        Channel(theirs, ToWorker).receive()
    theirs.close()
    sender.join()
    raw.close()


def test_small_packets_are_refused():
    """A message of crumbs would take a second for each that it has."""
    raw, theirs = channels.pair()
    raw.send(b"\x01" + b"x" * (PACKET - 1))
    with pytest.raises(ProtocolViolation):
        Channel(theirs, ToWorker).receive()
    raw.close()
    theirs.close()


async def test_an_end_that_sends_itself_does_not_keep_the_stream_open():
    before = open_descriptors()
    ours, theirs = channels.pair()
    channel = AsyncChannel(ours, Output)
    socket.send_fds(theirs, [b"\x01" + b"x" * PACKET], [theirs.fileno()])
    theirs.close()
    with pytest.raises(ProtocolViolation, match="socket"):
        await channel.receive()
    channel.close()
    assert open_descriptors() == before


def test_a_packet_over_its_size_is_refused():
    raw, theirs = channels.pair()
    raw.send(b"\x00" + b"x" * (PACKET + 100))
    with pytest.raises(ProtocolViolation):
        Channel(theirs, ToWorker).receive()
    raw.close()
    theirs.close()


async def test_async_end_waits_and_is_woken_by_close():
    ours, theirs = channels.pair()
    one = AsyncChannel(ours, Output)
    assert one.quiet()
    waiting = asyncio.create_task(one.receive())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    one.close()
    with pytest.raises(WorkerLost):
        await waiting
    assert not one.quiet()
    theirs.close()


async def test_async_sends_of_two_tasks_do_not_mix():
    ours, theirs = channels.pair()
    one, other = AsyncChannel(ours, Output), AsyncChannel(theirs, Output)
    data = [bytes([n]) * 6 * PACKET for n in range(4)]
    sending = [asyncio.create_task(one.send(Output(((1, piece),)))) for piece in data]
    received = [(await other.receive())[0].chunks[0][1] for _ in data]
    await asyncio.gather(*sending)
    assert sorted(received) == data
    one.close()
    other.close()


async def test_a_receive_that_is_cancelled_loses_no_message():
    ours, theirs = channels.pair()
    one, other = AsyncChannel(ours, Output), Channel(theirs, ToWorker)
    for _ in range(40):  # more than are taken in a row without a look at other tasks
        other.send(Output(()))
    for _ in range(39):
        receiving = asyncio.create_task(one.receive())
        await asyncio.sleep(0)
        if receiving.cancel():
            await asyncio.gather(receiving, return_exceptions=True)
            await one.receive()
    assert not one.quiet()
    await one.receive()
    assert one.quiet()
    one.close()
    other.close()
