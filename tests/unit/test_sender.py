"""What is sent on a socket that the loop also listens on: in order, and nothing arrives unseen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import zmq
from zmq.eventloop.zmqstream import ZMQStream

from hypercell.kernel.sender import Sender

MANY = 300


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


def connected(
    context: zmq.Context[zmq.Socket[bytes]], ours: int, theirs: int
) -> tuple[ZMQStream, zmq.Socket[bytes]]:
    """A stream on a socket of ours, and the socket at the other end."""
    left, right = context.socket(ours), context.socket(theirs)
    port = left.bind_to_random_port("tcp://127.0.0.1")
    right.connect(f"tcp://127.0.0.1:{port}")
    right.rcvtimeo = 20_000
    return ZMQStream(left), right


async def test_requests_are_seen_however_much_is_sent(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    stream, client = connected(context, zmq.ROUTER, zmq.DEALER)
    sender = Sender(stream)
    seen = 0
    everything = asyncio.Event()

    def answer(frames: list[bytes]) -> None:
        nonlocal seen
        seen += 1
        for number in range(3):  # each send may take the news of the next request
            sender.send_multipart([frames[0], frames[1], b"%d" % number])
        if seen == MANY:
            everything.set()

    stream.on_recv(answer)

    def ask() -> list[list[bytes]]:
        for number in range(MANY):
            client.send(b"%d" % number)
        return [client.recv_multipart() for _ in range(3 * MANY)]

    asking = asyncio.ensure_future(asyncio.to_thread(ask))
    await asyncio.wait_for(everything.wait(), 20)
    answers = await asking
    assert answers == [[b"%d" % number, b"%d" % n] for number in range(MANY) for n in range(3)]
    stream.close()


async def test_other_threads_send_through_the_loop(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    stream, right = connected(context, zmq.PAIR, zmq.PAIR)
    left = stream.socket
    sender = Sender(stream)
    senders = []

    def send(parts: list[bytes], *_: object, **__: object) -> None:
        senders.append(threading.get_ident())
        zmq.Socket.send_multipart(left, parts)

    left.send_multipart = send  # type: ignore[method-assign,assignment]
    await asyncio.to_thread(lambda: [sender.send_multipart([b"%d" % n]) for n in range(5)])
    assert await asyncio.to_thread(lambda: [right.recv() for _ in range(5)]) == [
        b"%d" % number for number in range(5)
    ]
    assert set(senders) == {threading.get_ident()}
    stream.close()
    sender.send_multipart([b"to nobody"])  # no error
