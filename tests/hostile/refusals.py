"""How a program begins in whose processes system calls fail, as on machines that lack them."""

from __future__ import annotations

_PRELUDE = """
import errno, struct, sys
from hypercell.vmm import kvm, libc, seccomp
libc.prctl(38, 1)  # no new privileges
allow = struct.pack("<HBBI", 6, 0, 0, seccomp.ALLOW)
seccomp.install(seccomp.program({rules})[:-8] + allow)
"""


def calls(names: str) -> str:
    """These system calls do not exist. ``names``: an expression."""
    return _PRELUDE.format(rules=f"[seccomp.refuse(name, errno.ENOSYS) for name in {names}]")


def ioctl(request: str, code: str) -> str:
    """This request to KVM, a name in ``kvm.py``, fails with that error."""
    rule = f'"ioctl", 1, (kvm.{request},), outcome=seccomp.failure(errno.{code})'
    return _PRELUDE.format(rules=f"[seccomp.Rule({rule}, otherwise=seccomp.ALLOW)]")
