"""The zygote: ``python -m hypercell.vmm.zygote``.

It holds ``/dev/kvm``, the imported modules and big files in huge pages, and forks one worker a VM.
It has one thread, never talks to a guest and never sees a cell.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterable, Sequence

from hypercell.vmm import filters, fork_server, kvm, libc, rehearsal
from hypercell.vmm.channel import Channel
from hypercell.vmm.errors import HypercellError, ProtocolViolation
from hypercell.vmm.jail import Jail, Rlimits
from hypercell.vmm.messages import Done, Fork, Parked, Ready, ToWorker, pack_error
from hypercell.vmm.outcome import Usage
from hypercell.vmm.snapshot import SnapshotState
from hypercell.vmm.windows import HugeMapping
from hypercell.vmm.worker import Worker

# Bytes of a snapshot's state that is unpacked here, for all workers. Ours have five thousand; one
# that is much larger came from a hostile worker, and is for another worker to deal with.
_LEARNT = 0x1_0000
_FILE_SIZE = 1 << 40  # a snapshot is a sparse file over the guest's address space
# Of a worker. It forks nothing, but from Linux 6.13 on KVM makes a thread of it at a VM's first
# run: without leave for that KVM_RUN fails, for all users but root. The filter forbids forks.
LIMITS = Rlimits(descriptors=512, file_size=_FILE_SIZE, forks=True)


class Files:
    """What the zygote holds, by key; workers inherit the pages."""

    def __init__(self) -> None:
        self.mappings: dict[str, HugeMapping] = {}

    def hold(self, message: Fork, descriptors: Sequence[int]) -> None:
        for file, fd in zip(message.held, descriptors, strict=True):
            if file.key not in self.mappings:
                self.mappings[file.key] = HugeMapping(fd, file.size, code=file.code)
        if 0 < len(message.state) <= _LEARNT:
            with contextlib.suppress(ProtocolViolation):  # the worker will say so
                SnapshotState.unpack(message.state)  # which remembers it

    def release(self, keys: Iterable[str]) -> None:
        for key in keys:
            mapping = self.mappings.pop(key, None)
            if mapping is not None:
                mapping.close()


def main() -> None:
    """Serve forks until the kernel process goes."""
    control = fork_server.arguments()
    try:
        device = kvm.open_kvm()
        kvm.features(device)  # asked once: workers inherit the answer
        rehearsal.virtual_machine(device)
        # For the workers, which inherit it. The handler does nothing: the signal ends KVM_RUN.
        signal.signal(signal.SIGALRM, lambda *_: None)
    except HypercellError as error:
        control.send(Ready(pack_error(error)))
        return
    rehearsal.messages((ToWorker, SnapshotState), (Parked(), Done((), Usage())))
    files = Files()

    def child(jail: Jail, sock: socket.socket) -> None:
        pagemap = libc.open_pagemap()
        keep = [sock.fileno(), device, pagemap]
        jail.enter_child(keep, LIMITS)
        Worker(Channel(sock, ToWorker), device, pagemap, files.mappings, jail.narrow).serve()

    fork_server.serve(control, filters.ZYGOTE, child, files, rehearsal.lives(device))


if __name__ == "__main__":
    fork_server.run(main)
