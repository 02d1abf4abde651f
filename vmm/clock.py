"""The guest's clock: ticks of its time stamp counter, and a base that the host writes."""

from __future__ import annotations

import time

from hypercell.vmm.kvm import Vm
from hypercell.vmm.mailbox import Clock

_CALIBRATION = 0.01  # seconds

_rate: list[int] = []  # found out once, by the zygote: a worker may neither ask nor sleep


def ns_per_tick(vm: Vm) -> int:
    """Return nanoseconds a tick as 32.32 fixed point; it is the same for all VMs of a machine."""
    if not _rate:
        _rate.append((1_000_000 << 32) // (vm.tsc_khz() or _measure(vm)))
    return _rate[0]


def _measure(vm: Vm) -> int:
    """kHz, where KVM does not say."""
    start, first = time.monotonic_ns(), vm.tsc()
    time.sleep(_CALIBRATION)
    return (vm.tsc() - first) * 1_000_000 // (time.monotonic_ns() - start)


def read(vm: Vm, rate: int) -> Clock:
    """Read the base: the guest's counter and the host's clocks, now."""
    return Clock(vm.tsc(), rate, time.time_ns(), time.monotonic_ns())
