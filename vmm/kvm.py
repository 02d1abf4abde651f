"""The KVM ioctls that Hypercell uses, and no others.

With ``libc.py`` the only module that touches cffi.
"""

from __future__ import annotations

import errno
import functools
import os
from dataclasses import dataclass
from typing import Any, Final

from hypercell.vmm import cpu_state, instruction_sets, libc
from hypercell.vmm._ffi import ffi as _generated
from hypercell.vmm.cpu_state import XSAVE_SIZE
from hypercell.vmm.errors import KvmUnavailable, SystemCallFailed

ffi: Any = _generated  # untyped by nature
_lib: Any = ffi.dlopen(None)

API_VERSION: Final = 12
EXIT_IO: Final = 2
EXIT_MMIO: Final = 6
EXIT_FAIL_ENTRY: Final = 9
EXIT_INTERNAL_ERROR: Final = 17
EXIT_MEMORY_FAULT: Final = 39
EXIT_NAMES: Final = {
    0: "UNKNOWN",
    1: "EXCEPTION",
    2: "IO",
    3: "HYPERCALL",
    4: "DEBUG",
    5: "HLT",
    6: "MMIO",
    7: "IRQ_WINDOW_OPEN",
    8: "SHUTDOWN",
    9: "FAIL_ENTRY",
    10: "INTR",
    17: "INTERNAL_ERROR",
    24: "SYSTEM_EVENT",
    39: "MEMORY_FAULT",
}

_MEM_READONLY = 2
_CAP_READONLY_MEM = 81
_CAP_IMMEDIATE_EXIT = 136
_CAP_MSR_FILTER = 189
_MSR_TSC = 0x10
_FILTER_DEFAULT_DENY = 1
_FILTER_READ_WRITE = 3


def _request(direction: int, number: int, size: int = 0) -> int:
    return direction << 30 | size << 16 | 0xAE00 | number


_NONE, _WRITE, _READ = 0, 1, 2
_GET_API_VERSION = _request(_NONE, 0x00)
_CREATE_VM = _request(_NONE, 0x01)
_CHECK_EXTENSION = _request(_NONE, 0x03)
_GET_VCPU_MMAP_SIZE = _request(_NONE, 0x04)
_GET_SUPPORTED_CPUID = _request(_READ | _WRITE, 0x05, 8)
_CREATE_VCPU = _request(_NONE, 0x41)
_SET_USER_MEMORY_REGION = _request(_WRITE, 0x46, 32)
_RUN = _request(_NONE, 0x80)
_GET_REGS = _request(_READ, 0x81, 144)
_SET_REGS = _request(_WRITE, 0x82, 144)
_GET_SREGS = _request(_READ, 0x83, 312)
_SET_SREGS = _request(_WRITE, 0x84, 312)
_GET_MSRS = _request(_READ | _WRITE, 0x88, 8)
_SET_CPUID2 = _request(_WRITE, 0x90, 8)
_GET_TSC_KHZ = _request(_NONE, 0xA3)
_GET_XSAVE = _request(_READ, 0xA4, XSAVE_SIZE)
_SET_XSAVE = _request(_WRITE, 0xA5, XSAVE_SIZE)
_SET_XCRS = _request(_WRITE, 0xA7, 392)
_SET_MSR_FILTER = _request(_WRITE, 0xC6, 392)

# What a worker may ask of KVM once its VM is parked, the most frequent first…
PARKED_REQUESTS: Final = (
    *(_RUN, _GET_REGS, _SET_REGS, _GET_MSRS, _GET_XSAVE, _SET_XSAVE, _SET_USER_MEMORY_REGION),
)
# …and while it makes the VM; the zygote has asked for all that is the same for each.
REQUESTS: Final = (
    *PARKED_REQUESTS,
    *(_CREATE_VM, _CREATE_VCPU, _SET_CPUID2, _SET_MSR_FILTER, _SET_SREGS, _SET_XCRS),
)

_accepted_sregs: list[Any] = []  # the struct kvm_sregs that this machine's KVM takes, once known


def _ioctl(fd: int, name: str, request: int, argument: int = 0) -> int:
    while (result := int(_lib.ioctl(fd, request, argument))) < 0:
        code: int = ffi.errno
        if code == errno.EINTR:  # a timer of ours
            continue
        raise SystemCallFailed(
            f"ioctl({name})", code, f"KVM refused {name}: {os.strerror(code)}", hint=_hint(code)
        )
    return result


def _hint(code: int) -> str:
    if code in (errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return "free memory or descriptors: close other kernels"
    return "see what `hypercell doctor` says about /dev/kvm"


def _address(data: object) -> int:
    return int(ffi.cast("uintptr_t", data))


@dataclass(frozen=True)
class Features:
    """What this machine's KVM offers; found once."""

    vcpu_mmap_size: int
    cpuid: bytes  # struct kvm_cpuid2, masked
    xcr0: int
    msr_filter: bool


def open_kvm(path: str = "/dev/kvm") -> int:
    """Open KVM and return a descriptor. Raises ``KvmUnavailable``."""
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        hint = (
            "switch virtualisation on: in the firmware, or nested virtualisation in a cloud; in a "
            "container: --device /dev/kvm. `hypercell doctor` says more"
        )
        if error.errno in (errno.EACCES, errno.EPERM):
            hint = (
                "add yourself to the group that owns it: sudo usermod -aG kvm $USER; log in again"
            )
        raise KvmUnavailable(f"cannot open {path}: {error.strerror}", hint=hint) from error


@functools.lru_cache(maxsize=4)
def features(fd: int) -> Features:
    """Ask an open ``/dev/kvm`` what it offers. Raises ``KvmUnavailable``."""
    try:
        version = _ioctl(fd, "KVM_GET_API_VERSION", _GET_API_VERSION)
    except SystemCallFailed as error:
        raise KvmUnavailable(
            "what was opened as /dev/kvm is no KVM device", hint="`hypercell doctor` says more"
        ) from error
    if version != API_VERSION:
        raise KvmUnavailable(f"KVM speaks API version {version}, not {API_VERSION}")
    for capability, name in (
        (_CAP_READONLY_MEM, "READONLY_MEM"),
        (_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT"),
    ):
        if not _ioctl(fd, "KVM_CHECK_EXTENSION", _CHECK_EXTENSION, capability):
            raise KvmUnavailable(f"KVM lacks {name}", hint="use Linux 5.15 or newer")
    flags = instruction_sets.host_flags()
    table = ffi.new("struct kvm_cpuid2 *")
    table.nent = 256
    _ioctl(fd, "KVM_GET_SUPPORTED_CPUID", _GET_SUPPORTED_CPUID, _address(table))
    for entry in table.entries[0 : table.nent]:
        registers = (entry.eax, entry.ebx, entry.ecx, entry.edx)
        masked = cpu_state.mask_cpuid(entry.function, entry.index, registers)
        shown = instruction_sets.add_to_cpuid(entry.function, entry.index, masked, flags)
        entry.eax, entry.ebx, entry.ecx, entry.edx = shown
    leaves = {(e.function, e.index): e.eax for e in table.entries[0 : table.nent]}
    return Features(
        vcpu_mmap_size=_ioctl(fd, "KVM_GET_VCPU_MMAP_SIZE", _GET_VCPU_MMAP_SIZE),
        cpuid=bytes(ffi.buffer(table, 8 + 40 * table.nent)),
        xcr0=cpu_state.choose_xcr0(leaves.get((0xD, 0), 0)),
        msr_filter=bool(_ioctl(fd, "KVM_CHECK_EXTENSION", _CHECK_EXTENSION, _CAP_MSR_FILTER)),
    )


class Vm:
    """One KVM virtual machine with one vCPU, in the CPU state of ``cpu_state.py``.

    It has no interrupt controller, no timer and no device. ``close()`` may be called twice.
    """

    def __init__(self, kvm_fd: int) -> None:
        self.features = features(kvm_fd)
        self._slots = 0
        self._run_address = 0
        self._cpu = -1
        self._vm = _ioctl(kvm_fd, "KVM_CREATE_VM", _CREATE_VM)
        try:
            self._cpu = _ioctl(self._vm, "KVM_CREATE_VCPU", _CREATE_VCPU)
            cpuid = ffi.from_buffer(self.features.cpuid)
            _ioctl(self._cpu, "KVM_SET_CPUID2", _SET_CPUID2, _address(cpuid))
            flags, protection = libc.MAP_SHARED, libc.PROT_READ | libc.PROT_WRITE
            size = self.features.vcpu_mmap_size
            self._run_address = libc.mmap(0, size, protection, flags, self._cpu)
            self._run = ffi.cast("struct kvm_run *", self._run_address)
            if self.features.msr_filter:
                self._deny_msrs()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Destroy the VM. Calling it again does nothing."""
        if self._run_address:
            libc.munmap(self._run_address, self.features.vcpu_mmap_size)
            self._run_address = 0
            self._run = ffi.NULL
        if self._cpu >= 0:
            os.close(self._cpu)
            self._cpu = -1
        if self._vm >= 0:
            os.close(self._vm)
            self._vm = -1

    def _deny_msrs(self) -> None:
        bitmap = ffi.new("uint8_t[1]")  # KVM wants one range; its one bit says "deny" too
        rules = ffi.new("struct kvm_msr_filter *")
        rules.flags = _FILTER_DEFAULT_DENY
        rules.ranges[0].flags = _FILTER_READ_WRITE
        rules.ranges[0].nmsrs = 1
        rules.ranges[0].base = _MSR_TSC
        rules.ranges[0].bitmap = bitmap
        _ioctl(self._vm, "KVM_X86_SET_MSR_FILTER", _SET_MSR_FILTER, _address(rules))

    def add_memory(self, gpa: int, size: int, address: int, *, writable: bool = True) -> None:
        """Back guest-physical memory with host memory, in a slot of its own."""
        region = ffi.new("struct kvm_userspace_memory_region *")
        region.slot = self._slots
        region.flags = 0 if writable else _MEM_READONLY
        region.guest_phys_addr = gpa
        region.memory_size = size
        region.userspace_addr = address
        name = "KVM_SET_USER_MEMORY_REGION"
        _ioctl(self._vm, name, _SET_USER_MEMORY_REGION, _address(region))
        self._slots += 1

    def reset_cpu(self) -> None:
        """Set control, segment and extended control registers to the constants of ring 3.

        Raises ``KvmUnavailable`` where the processor lacks what the guest needs.
        """
        if not _accepted_sregs:
            # What KVM accepts decides: kvm_pvm supports more than its CPUID says.
            for cr4 in (cpu_state.CR4_HARDENED, cpu_state.CR4):
                sregs = self._make_sregs(cr4)
                if self._set_sregs(sregs):
                    _accepted_sregs.append(sregs)
                    break
            else:
                hint = "use a processor from 2013 or later, and let the hypervisor pass these on"
                raise KvmUnavailable("KVM gives the guest no XSAVE or no FSGSBASE", hint=hint)
        elif not self._set_sregs(_accepted_sregs[0]):
            raise KvmUnavailable("KVM refuses the control registers that it took before")
        xcrs = ffi.new("struct kvm_xcrs *")
        xcrs.nr_xcrs = 1
        xcrs.xcrs[0].value = self.features.xcr0
        _ioctl(self._cpu, "KVM_SET_XCRS", _SET_XCRS, _address(xcrs))

    def _make_sregs(self, cr4: int) -> Any:
        """The constants of ring 3, and for the rest what a new vCPU has."""
        sregs = ffi.new("struct kvm_sregs *")
        _ioctl(self._cpu, "KVM_GET_SREGS", _GET_SREGS, _address(sregs))
        for name, value in cpu_state.control_registers(cr4).items():
            setattr(sregs, name, value)
        for name, segment in cpu_state.SEGMENTS.items():
            target = getattr(sregs, name)
            for field, value in segment.items():
                setattr(target, field, value)
        for name, (base, limit) in cpu_state.DESCRIPTOR_TABLES.items():
            table = getattr(sregs, name)
            table.base, table.limit = base, limit
        return sregs

    def _set_sregs(self, sregs: Any) -> bool:
        try:
            _ioctl(self._cpu, "KVM_SET_SREGS", _SET_SREGS, _address(sregs))
        except SystemCallFailed as error:
            if error.errno == errno.EINVAL:
                return False
            raise
        return True

    def registers(self) -> cpu_state.Registers:
        """Read the general registers."""
        regs = ffi.new("struct kvm_regs *")
        _ioctl(self._cpu, "KVM_GET_REGS", _GET_REGS, _address(regs))
        return cpu_state.Registers(*(getattr(regs, n) for n in cpu_state.REGISTER_NAMES))

    def set_registers(self, registers: cpu_state.Registers) -> None:
        """Write the general registers."""
        regs = ffi.new("struct kvm_regs *")
        for name in cpu_state.REGISTER_NAMES:
            setattr(regs, name, getattr(registers, name))
        _ioctl(self._cpu, "KVM_SET_REGS", _SET_REGS, _address(regs))

    def xsave(self) -> bytes:
        """Read the floating-point and vector state."""
        area = bytearray(XSAVE_SIZE)
        _ioctl(self._cpu, "KVM_GET_XSAVE", _GET_XSAVE, _address(ffi.from_buffer(area)))
        return bytes(area)

    def set_xsave(self, area: bytes) -> None:
        """Write the floating-point and vector state."""
        if len(area) != XSAVE_SIZE:
            raise ValueError(f"an XSAVE area has {XSAVE_SIZE} bytes, not {len(area)}")
        _ioctl(self._cpu, "KVM_SET_XSAVE", _SET_XSAVE, _address(ffi.from_buffer(area)))

    def tsc(self) -> int:
        """Read the guest's time stamp counter."""
        msrs = ffi.new("struct kvm_msrs *")
        msrs.nmsrs = 1
        msrs.entries[0].index = _MSR_TSC
        if _ioctl(self._cpu, "KVM_GET_MSRS", _GET_MSRS, _address(msrs)) != 1:
            raise KvmUnavailable("KVM does not tell the guest's time stamp counter")
        return int(msrs.entries[0].data)

    def tsc_khz(self) -> int:
        """Return the frequency of the guest's time stamp counter; 0 if KVM does not know it."""
        try:
            return _ioctl(self._cpu, "KVM_GET_TSC_KHZ", _GET_TSC_KHZ)
        except SystemCallFailed:
            return 0

    def run(self) -> int:
        """Run the vCPU until it exits. Returns 0, or the errno of KVM_RUN."""
        if _lib.ioctl(self._cpu, _RUN, 0) == 0:
            return 0
        return int(ffi.errno)

    def complete_io(self) -> None:
        """Finish the `out` that is pending, without running a further instruction."""
        self._run.immediate_exit = 1
        try:
            code = self.run()
        finally:
            self._run.immediate_exit = 0
        if code != errno.EINTR:
            message = f"KVM_RUN with immediate_exit gave errno {code}, not EINTR"
            raise SystemCallFailed("ioctl(KVM_RUN)", code, message)

    @property
    def exit_reason(self) -> int:
        """Why the last ``run`` ended: ``EXIT_*``."""
        return int(self._run.exit_reason)

    def is_write_to_port(self, port: int) -> bool:
        """Whether the last exit is one 4-byte `out` to ``port``."""
        run = self._run
        io = run.io
        return bool(
            run.exit_reason == EXIT_IO
            and io.port == port
            and io.size == 4
            and io.direction == 1
            and io.count == 1
        )

    def describe_exit(self) -> str:
        """Say what the last exit was, for an error message."""
        run = self._run
        reason = int(run.exit_reason)
        name = EXIT_NAMES.get(reason, str(reason))
        if reason == EXIT_IO:
            verb = "out to" if run.io.direction else "in from"
            return f"{name}: {run.io.size}-byte {verb} port {run.io.port:#x}, {run.io.count} times"
        if reason == EXIT_MMIO:
            verb = "write to" if run.mmio.is_write else "read from"
            return f"{name}: {run.mmio.len}-byte {verb} {run.mmio.phys_addr:#x}"
        if reason == EXIT_INTERNAL_ERROR:
            return f"{name}: suberror {run.internal.suberror}"
        if reason == EXIT_FAIL_ENTRY:
            return f"{name}: hardware reason {run.fail_entry.hardware_entry_failure_reason:#x}"
        if reason == EXIT_MEMORY_FAULT:
            return f"{name}: {run.memory_fault.size:#x} bytes at {run.memory_fault.gpa:#x}"
        return name
