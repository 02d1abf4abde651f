"""Jupyter and the people. ``Session`` and ``SyncSession`` run cells without Jupyter."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypercell.kernel.result import CellResult
    from hypercell.kernel.session import Session
    from hypercell.kernel.sync_session import SyncSession

__all__ = ["CellResult", "Session", "SyncSession"]

_WHERE = {"CellResult": "result", "Session": "session", "SyncSession": "sync_session"}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the command line and the installer need none of it.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
