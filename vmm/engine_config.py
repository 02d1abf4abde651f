"""The one list of Wasmtime settings; the guest image has the same (``guest/image``).

Only the compiler process imports ``wasmtime``. An invalid setting aborts the interpreter, so none
comes from a user. ``FINGERPRINT`` is part of every key of the code cache and of the snapshots: it
changes with this file and with every other that shapes what a module is compiled to.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import wasmtime

WASMTIME_VERSION: Final = "48.0.0"
TARGET: Final = "x86_64-unknown-linux-gnu"
# What every host must have. Named, because the default would take all that this host has. Each
# by Cranelift's name and as a flag of /proc/cpuinfo.
ISA_FLAGS: Final = {
    "has_sse3": "pni",
    "has_ssse3": "ssse3",
    "has_sse41": "sse4_1",
    "has_sse42": "sse4_2",
    "has_popcnt": "popcnt",
    "has_cmpxchg16b": "cx16",
    "has_avx": "avx",
    "has_avx2": "avx2",
    "has_fma": "fma",
    "has_bmi1": "bmi1",
    "has_bmi2": "bmi2",
    "has_lzcnt": "abm",
}
SETTINGS: Final[tuple[tuple[str, bool | int], ...]] = (
    ("wasm_threads", False),
    ("memory_init_cow", False),
    ("memory_reservation", 1 << 32),
    ("memory_guard_size", 32 << 20),
    ("memory_may_move", False),
    ("wasm_gc", True),
    ("wasm_function_references", True),
    ("wasm_exceptions", True),
)
# By their text, versions and settings included: a number to raise would be forgotten.
_SHAPES: Final = (
    "engine_config.py",
    "compile_module.py",
    "even_tags.py",
    "wasm_types.py",
    "component_types.py",
)


def fingerprint(room: Path) -> str:
    """Of the sources in ``room`` that decide what a module is compiled to and described as."""
    state = hashlib.blake2b(digest_size=16)
    for name in _SHAPES:
        source = (room / name).read_bytes()
        state.update(len(source).to_bytes(8, "little") + source)
    return state.hexdigest()


FINGERPRINT: Final = fingerprint(Path(__file__).parent)


def engine() -> wasmtime.Engine:
    """The engine of the compiler process."""
    import wasmtime
    from wasmtime import _ffi

    if platform.machine() != "x86_64":
        raise RuntimeError(f"the guest image is for x86_64, not {platform.machine()}")
    config = wasmtime.Config()
    config.target = TARGET
    for flag in ISA_FLAGS:
        config.cranelift_flag_enable(flag)
    for name, value in SETTINGS:
        setattr(config, name, value)
    # It has no property; the guest is built without `async`, and both sides must agree.
    _ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
    return wasmtime.Engine(config)
