"""What the component exports. Its import, at build time, does all that can be done ahead."""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

from wit_world.imports import display  # type: ignore[import-not-found] # made at build time

from hypercell.kernel.languages.python_runtime import (
    appending,
    capturing,
    compact,
    hashing,
    ipython,
    loop,
    sources,
    stdlib,
    timezones,
    tracebacks,
)
from hypercell.kernel.languages.python_runtime.cells import Cells

_loads, _dumps = json.loads, json.dumps  # a cell may patch the module


def _pack(value: dict[str, Any]) -> str:
    """JSON that can leave: halves of surrogate pairs become question marks."""
    text = _dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode()


stdlib.import_all()
timezones.keep()
sources.keep()
loop.install()
appending.install()
ipython.install()
capturing.install()
hashing.install()
sys.dont_write_bytecode = True
vars(sys)["ps1"] = "In : "  # as IPython has it: pdb does not ask twice whether to quit
sys.path.insert(0, "/home")
gc.collect()
gc.freeze()
compact.fill_holes()
_cells = Cells(lambda record: display.emit(_pack(record)))
_kept: list[Any] = []


def _freeze(*made: Any) -> None:
    """Get ready for the snapshot in which sessions begin; ``made``: objects of this call.

    The warm-up cells are forgotten; what they made in the interpreter's caches stays. What each
    cell makes anew is made once more when the holes are filled: its places will be used again.
    """
    global _cells
    gc.collect()
    compact.fill_holes()
    _cells = Cells(_cells.emit)
    _cells.execute("x = 1\nx += 1\nx", {"label": "cell 1", "number": 1})
    _cells = Cells(_cells.emit)
    tracebacks.forget()
    os.chdir("/home")
    sys.path_importer_cache.clear()  # every cell asks each entry to look again
    _kept.extend(made)
    gc.collect()
    gc.freeze()
    compact.fill_holes()


class WitWorld:
    """The world of ``world.wit``."""

    def execute(self, source: str, request: str) -> str:
        """Run a cell, or get ready for the runtime snapshot."""
        asked: dict[str, Any] = _loads(request)
        if asked.get("freeze"):
            _freeze(source, request, asked)
            return _pack({"status": "ok"})
        return _pack(_cells.execute(source, asked))
