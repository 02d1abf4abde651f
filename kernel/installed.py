"""The toolchains that the owner installed, as a build sees them."""

from __future__ import annotations

from pathlib import Path

from hypercell.kernel.errors import ToolchainDamaged, ToolchainMissing


class InstalledToolchains:
    """``Toolchains`` over what the owner installed."""

    def find(self, name: str) -> Path:
        """Directory of the toolchain; ToolchainMissing, ToolchainDamaged."""
        from hypercell.kernel.toolchains import status  # loaded by the first cell that needs it

        found = status(name)
        hint = f"run once in a terminal: hypercell toolchain install {name}"
        if found.state == "missing":
            raise ToolchainMissing(f"the toolchain {name} is not installed", hint=hint)
        if found.state not in ("installed", "uncompiled"):
            raise ToolchainDamaged(f"the toolchain {name} is {found.state}", hint=hint)
        return found.path
