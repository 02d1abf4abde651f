"""Is there a usable ``/dev/kvm``? Only the standard library: ``make`` asks before any install.

Run as a script it prints the problem and the remedy and exits with 1.
"""

from __future__ import annotations

import fcntl
import os
import platform
import sys
from typing import NamedTuple

DEVICE = "/dev/kvm"
_GET_API_VERSION = 0xAE00
_API_VERSION = 12
_BACKENDS = {
    "kvm_intel": "VT-x (kvm_intel)",
    "kvm_amd": "SVM (kvm_amd)",
    "kvm_pvm": "software paging for nested clouds (kvm_pvm)",
}

NO_DEVICE = """\
Hypercell runs every cell in a virtual machine and needs KVM. How to get it:
  on a computer of your own    switch virtualisation (VT-x, AMD-V, SVM) on in the firmware, then
                               `sudo modprobe kvm_intel` or `sudo modprobe kvm_amd`
  in a virtual machine         switch nested virtualisation on for it (QEMU/libvirt: cpu mode
                               host-passthrough; VirtualBox, VMware: "nested VT-x/AMD-V")
  in a cloud                   a bare-metal instance, or one with nested virtualisation enabled
                               (GCP: --enable-nested-virtualization; Azure: Dv3 and later)
  in a container               start it with --device /dev/kvm
  in WSL 2                     nestedVirtualization=true in .wslconfig, Windows 11"""
NO_ACCESS = """\
You may not open it. Join its group and log in again:
  sudo usermod -aG kvm "$USER"
(in a container: start it with --group-add and the device's group, or as root)"""


class Probe(NamedTuple):
    """``problem`` is empty when KVM can be used; ``hint`` says what to do, in several lines."""

    problem: str
    hint: str
    backend: str
    api_version: int


def backend() -> str:
    """Which KVM this is, from the modules the kernel has loaded; ``unknown`` if it is built in."""
    found = [text for name, text in _BACKENDS.items() if os.path.isdir(f"/sys/module/{name}")]
    return found[0] if found else "unknown (built into the kernel?)"


def probe(device: str = DEVICE) -> Probe:
    """Open the device and ask for its API version."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        found = f"{platform.system()} on {platform.machine()}"
        return Probe(f"this is {found}", "Hypercell needs Linux on x86-64.", "", 0)
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return Probe(f"{device} does not exist", NO_DEVICE, "", 0)
    except PermissionError:
        return Probe(f"{device} is there, but not for you", NO_ACCESS, "", 0)
    except OSError as error:
        return Probe(f"{device} cannot be opened: {error.strerror}", NO_DEVICE, "", 0)
    try:
        version = fcntl.ioctl(descriptor, _GET_API_VERSION, 0)
    except OSError as error:
        return Probe(f"{device} does not answer: {error.strerror}", NO_DEVICE, "", 0)
    finally:
        os.close(descriptor)
    if version != _API_VERSION:
        return Probe(f"{device} speaks API {version}, not {_API_VERSION}", NO_DEVICE, "", version)
    return Probe("", "", backend(), version)


def main() -> int:
    """Print what is wrong, if anything, and return the exit code."""
    found = probe()
    if not found.problem:
        return 0
    sys.stderr.write(f"Hypercell cannot run here: {found.problem}.\n{found.hint}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
