"""Scripts of the spec suite that are not run, each with its reason. A test counts them.

All are of proposals that are not part of the standard, and that the engine of cells has switched
off: fewer features, fewer ways in. Two scripts of them need nothing of the proposal and are run.
"""

from __future__ import annotations

from typing import Final

_DESCRIPTORS = "types with descriptors and exact references: Wasmtime 48 cannot compile them"
_PAGES = "memories with pages of one byte: off, our memories grow by whole pages of the processor"
_THREADS = "shared memories and atomics: off, a VM has one processor"
_WIDE = "128-bit arithmetic: off, Wasmtime has it on trial"


def _of(proposal: str, names: str, reason: str) -> dict[str, str]:
    return {f"proposals/{proposal}/{name}": reason for name in names.split()}


EXCLUDED: Final[dict[str, str]] = {
    **_of(
        "custom-descriptors",
        """array_new_exact binary-descriptors br_on_cast br_on_cast_desc_eq br_on_cast_desc_eq_fail
        br_on_cast_fail descriptors exact exact-casts exact-func-import ref_cast_desc_eq
        ref_get_desc struct_new_desc""",
        _DESCRIPTORS,
    ),
    **_of(
        "custom-page-sizes",
        "custom-page-sizes custom-page-sizes-invalid memory_max memory_max_i64",
        _PAGES,
    ),
    **_of("threads", "atomic exports imports memory", _THREADS),
    **_of("wide-arithmetic", "wide-arithmetic", _WIDE),
}
EXCLUSIONS: Final = 22  # change it together with the list, where a reviewer sees both
