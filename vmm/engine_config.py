"""The one list of Wasmtime settings; the guest image has the same (``guest/image``).

Only the compiler process imports ``wasmtime``. An invalid setting aborts the interpreter, so none
comes from a user. A change here changes ``FINGERPRINT`` and with it every key of the code cache.
"""

from __future__ import annotations

import hashlib
import platform
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
FINGERPRINT: Final = hashlib.blake2b(
    repr((WASMTIME_VERSION, TARGET, tuple(ISA_FLAGS), SETTINGS, "concurrency off")).encode(),
    digest_size=16,
).hexdigest()


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
