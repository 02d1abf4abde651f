"""Changes lengths, heads and calls while the host reads them.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import contextlib
import struct
import threading

from harness import Attack
from layers import Layer
from rawguest import HEAD, loop, record, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX, Layer.HARMLESS)


def test_every_value_is_read_once(attack: Attack) -> None:
    """A thread stands for a second processor that a guest does not have: the worst case.

    What it meets is chance, so any of the errors is right: what must hold is the aftermath.
    """
    code = record(abi.STDOUT, 8, b"12345678") + loop(store(HEAD, 16) + wait(8))
    raw = attack(code)
    view = raw.machine._memory.shared.view
    stop = threading.Event()

    def change() -> None:
        values = (8, 1 << 63, 0, (1 << 64) - 1, 16, abi.REPLY_AREA_SIZE + 1)
        places = (abi.RING_HEADER, abi.RING, abi.MAILBOX + abi.MB_ARGS, abi.MAILBOX + abi.MB_OP)
        count = 0
        while not stop.is_set():
            at, value = places[count % len(places)], values[count % len(values)]
            struct.pack_into("<Q", view, at, value)
            count += 1

    changing = threading.Thread(target=change)
    changing.start()
    try:
        raw.patience(50)
        with contextlib.suppress(ProtocolViolation):
            raw.start()
            for _ in range(300):
                raw.run()
    finally:
        stop.set()
        changing.join()
