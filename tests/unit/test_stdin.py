"""Lines that a front end sends for a program, over ZeroMQ, also such as make no sense."""

from __future__ import annotations

import asyncio

import pytest
import zmq
from jupyter_client.session import Session

from hypercell.kernel.result import Ask
from hypercell.kernel.stdin import FrontEndInput

_MILLISECONDS = 60_000


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"value": "two words"}', b"two words\n"),
        (b'{"value": "\\u0004"}', b""),
        (b'{"value": "half \\ud800"}', b"half ?\n"),
        (b'{"value": 7}', b""),
        (b"{}", b""),
        (b"[]", b""),
    ],
)
async def test_what_a_front_end_answers(content: bytes, line: bytes) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as ours:
        port = ours.bind_to_random_port("tcp://127.0.0.1")
        with context.socket(zmq.DEALER) as theirs:
            theirs.setsockopt(zmq.IDENTITY, b"front end")
            theirs.linger = 0
            theirs.connect(f"tcp://127.0.0.1:{port}")
            theirs.send(b"it is known from now on")
            assert ours.poll(_MILLISECONDS)
            ours.recv_multipart()
            session = Session(key=b"key")
            parent = session.msg("execute_request")
            asking = FrontEndInput()
            answer = asyncio.create_task(
                asking.read(
                    *(session, ours, parent, [b"front end"], 100),
                    key=parent["header"],
                    ask=Ask("name? "),
                )
            )
            assert await asyncio.to_thread(theirs.poll, _MILLISECONDS)
            _, request = session.recv(theirs)
            assert request["content"] == {"prompt": "name? ", "password": False}
            session.send(theirs, "input_reply", content)
            async with asyncio.timeout(_MILLISECONDS / 1000):
                assert await answer == line
