"""The layers of the jail that a machine may lack: their names, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hypercell.vmm.errors import IsolationMissing

LAYERS: Final = {
    "seccomp": (
        "use a kernel with CONFIG_SECCOMP_FILTER; in a container: let its own filter allow seccomp"
    ),
    "landlock": (
        "use Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK and landlock in lsm=; "
        "in a container: let its filter allow landlock"
    ),
}


def refusal(layer: str, why: str) -> IsolationMissing:
    """The error for a layer that is missing without the owner's consent."""
    remedy = LAYERS.get(layer, "update Hypercell")
    return IsolationMissing(
        layer,
        f"no cells: the layer {layer} of the jail is not in force on this machine ({why})",
        hint=f"{remedy}; or accept weaker isolation in your configuration: "
        f'[isolation] allow_missing = ["{layer}"]',
    )


def weaker(missing: Iterable[str]) -> bytes:
    """The line that every cell writes to stderr where layers are missing."""
    return f"hypercell: weaker isolation, without {' and '.join(sorted(missing))}\n".encode()
