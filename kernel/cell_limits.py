"""The limits of one cell: what it asks for, within what the owner allows.

Lowering is free. Raising goes up to the owner's ``[maximum]``; above that the cell is refused.
"""

from __future__ import annotations

import msgspec

from hypercell.kernel.errors import LimitRefused, UsageError
from hypercell.kernel.options import Options
from hypercell.kernel.sizes import format_size
from hypercell.vmm.program import Limits

_OWNER = "only the owner's configuration raises it ([maximum], see: hypercell config)"
LEAST_MEMORY = 64 << 10


def cell_limits(options: Options, default: Limits, maximum: Limits) -> Limits:
    """``default`` with the cell's ``--mem`` and ``--timeout``. LimitRefused, UsageError."""
    if options.allow:
        raise LimitRefused(
            f"--allow {options.allow[0]}: the owner's configuration grants nothing of that name",
            hint="grants come from the configuration file or the command line, never from a cell",
        )
    changes: dict[str, float] = {}
    if options.mem is not None:
        if options.mem > maximum.memory:
            raise LimitRefused(
                f"--mem {format_size(options.mem)} is above {format_size(maximum.memory)}, "
                "the most a cell may have",
                hint=_OWNER,
            )
        if options.mem < LEAST_MEMORY:
            raise UsageError(f"--mem {options.mem}: a Wasm page alone is {LEAST_MEMORY} bytes")
        changes["memory"] = options.mem
    if options.timeout is not None:
        if options.timeout > maximum.wall:
            raise LimitRefused(
                f"--timeout {options.timeout:g} is above {maximum.wall:g} seconds, "
                "the most a cell may have",
                hint=_OWNER,
            )
        changes["wall"] = options.timeout
    return msgspec.structs.replace(default, **changes) if changes else default
