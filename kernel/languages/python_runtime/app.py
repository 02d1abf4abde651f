"""What the component exports. Its import, at build time, does all that can be done ahead."""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

from wit_world.imports import display  # type: ignore[import-not-found] # made at build time

from hypercell.kernel.languages.python_runtime import ipython, loop, sources, stdlib
from hypercell.kernel.languages.python_runtime.cells import Cells

_loads, _dumps = json.loads, json.dumps  # a cell may patch the module


def _pack(value: dict[str, Any]) -> str:
    """JSON that can leave: halves of surrogate pairs become question marks."""
    text = _dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode()


stdlib.import_all()
sources.keep()
loop.install()
ipython.install()
sys.dont_write_bytecode = True
sys.path.insert(0, "/home")
_cells = Cells(lambda record: display.emit(_pack(record)))
gc.collect()
gc.freeze()


class WitWorld:
    """The world of ``world.wit``."""

    def execute(self, source: str, request: str) -> str:
        """Run a cell, or get ready for the runtime snapshot."""
        global _cells
        asked: dict[str, Any] = _loads(request)
        if not asked.get("freeze"):
            return _pack(_cells.execute(source, asked))
        # The warm-up cells are forgotten; what they made in the interpreter's caches stays.
        _cells = Cells(_cells.emit)
        os.chdir("/home")
        sys.path_importer_cache.clear()  # every cell asks each entry to look again
        gc.collect()
        gc.freeze()
        return _pack({"status": "ok"})
