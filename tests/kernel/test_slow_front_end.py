"""A front end that is busy for a while still hears of the end of each cell."""

from __future__ import annotations

from collections import Counter

import zmq
from real_kernel import Client

CELLS = 12  # more than the buffers between two processes take
DISPLAYS = 1000
CELL = f"%%python\nfor number in range({DISPLAYS}):\n    display(number)"
_QUIET = 3000  # milliseconds until nothing more is expected


def test_no_message_is_lost_while_nobody_reads(own: Client) -> None:
    """ZeroMQ leaves out what a reader does not take; a page that waits for it waits for ever."""
    info = own.manager.get_connection_info()
    with zmq.Context() as context, context.socket(zmq.SUB) as slow:
        slow.rcvhwm = 1
        slow.rcvbuf = 4096
        slow.linger = 0
        slow.subscribe(b"")
        slow.connect(f"{info['transport']}://{info['ip']}:{info['iopub_port']}")
        assert own.run("%%python\n0").error == ""  # by then it is connected
        for _ in range(CELLS):
            assert own.run(CELL).error == ""
        seen: Counter[str] = Counter()
        while slow.poll(_QUIET):
            message = b"".join(slow.recv_multipart())
            seen["display"] += b'"msg_type":"display_data"' in message.replace(b" ", b"")
            seen["idle"] += b'"execution_state":"idle"' in message.replace(b" ", b"")
    assert seen["display"] == CELLS * DISPLAYS
    assert seen["idle"] >= CELLS
