"""Hypercell's micro-VMs: run WebAssembly in hardware-isolated, ring-3 KVM virtual machines.

The names below are the public interface. Each is imported when it is first used: our own
processes import parts of this package and must start quickly.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypercell.vmm.cache import Cache
    from hypercell.vmm.code_cache import Code
    from hypercell.vmm.compiler_client import CompileLimits
    from hypercell.vmm.hypervisor import Hypervisor
    from hypercell.vmm.layer import Layer
    from hypercell.vmm.microvm import MicroVM, Result
    from hypercell.vmm.outcome import Frame, Usage, ValType, Value
    from hypercell.vmm.program import ExportType, ImportType, Limits
    from hypercell.vmm.vm import Vm
    from hypercell.vmm.vm_snapshot import Snapshot, Warmup

_WHERE = {
    "Cache": "cache",
    "Code": "code_cache",
    "CompileLimits": "compiler_client",
    "ExportType": "program",
    "Frame": "outcome",
    "Hypervisor": "hypervisor",
    "ImportType": "program",
    "Layer": "layer",
    "Limits": "program",
    "MicroVM": "microvm",
    "Result": "microvm",
    "Snapshot": "vm_snapshot",
    "Usage": "outcome",
    "ValType": "outcome",
    "Value": "outcome",
    "Vm": "vm",
    "Warmup": "vm_snapshot",
}

__all__ = [
    "Cache",
    "Code",
    "CompileLimits",
    "ExportType",
    "Frame",
    "Hypervisor",
    "ImportType",
    "Layer",
    "Limits",
    "MicroVM",
    "Result",
    "Snapshot",
    "Usage",
    "ValType",
    "Value",
    "Vm",
    "Warmup",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
