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


async def test_requests_are_seen_however_much_is_sent(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    server, client = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    port = server.bind_to_random_port("tcp://127.0.0.1")
    client.connect(f"tcp://127.0.0.1:{port}")
    client.rcvtimeo = 20_000
    stream = ZMQStream(server)
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
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    port = left.bind_to_random_port("tcp://127.0.0.1")
    right.connect(f"tcp://127.0.0.1:{port}")
    right.rcvtimeo = 20_000
    stream = ZMQStream(left)
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
