"""What the zygote does once so that no worker pays for it: the first use of types and calls.

A message type costs msgspec a millisecond or two when it is first decoded, a structure costs cffi
tens of microseconds when it is first made. Forked workers inherit what was found out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hypercell.vmm import abi, clock, kvm, libc
from hypercell.vmm.channel import decoder


def messages(received: Iterable[Any], sent: Iterable[msgspec.Struct]) -> None:
    """Prepare decoders of the ``received`` types and encoders of the ``sent`` ones."""
    for kind in received:
        decoder(kind)
    for message in sent:
        msgspec.msgpack.encode(message)


def virtual_machine(device: int) -> None:
    """Make a VM that never runs, with every call a worker makes, and close it.

    Raises ``KvmUnavailable``, ``SystemCallFailed``.
    """
    vm = kvm.Vm(device)
    memory = libc.Reservation(abi.HUGE)
    try:
        vm.add_memory(0, abi.HUGE, memory.address)
        vm.reset_cpu()
        vm.set_xsave(vm.xsave())
        vm.set_registers(vm.registers())
        clock.read(vm, clock.ns_per_tick(vm))
    finally:
        vm.close()
        memory.close()
