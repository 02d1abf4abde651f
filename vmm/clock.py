"""The guest's clock: ticks of its time stamp counter, and a base that the host writes."""

from __future__ import annotations

import time

from hypercell.vmm.kvm import Vm
from hypercell.vmm.mailbox import Clock

_CALIBRATION = 0.01  # seconds

# kHz, where KVM does not say: by the zygote, since a worker may not sleep
_measured: list[int] = []


def ns_per_tick(vm: Vm) -> int:
    """Return nanoseconds a tick as 32.32 fixed point."""
    return (1_000_000 << 32) // (vm.tsc_khz() or _measure(vm))


def _measure(vm: Vm) -> int:
    if not _measured:
        start, first = time.monotonic_ns(), vm.tsc()
        time.sleep(_CALIBRATION)
        _measured.append((vm.tsc() - first) * 1_000_000 // (time.monotonic_ns() - start))
    return _measured[0]


def read(vm: Vm, rate: int) -> Clock:
    """Read the base: the guest's counter and the host's clocks, now."""
    return Clock(vm.tsc(), rate, time.time_ns(), time.monotonic_ns())
