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
    fresh,
    hashing,
    immortal,
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
loop.of_session()
appending.install()
ipython.install()
capturing.install()
hashing.install()
sys.dont_write_bytecode = True
vars(sys)["ps1"] = "In : "  # as IPython has it: pdb does not ask twice whether to quit
sys.path.insert(0, "/home")
_cells = Cells(lambda record: display.emit(_pack(record)))
_kept: list[Any] = []
_TRIES = 12  # with so many objects of a class CPython knows what attributes they have
_TRIED = (
    "x = 1\nx += 1\nx",
    "def f(n):\n    return [i * i for i in range(n)]\nf(10)",
    "import json, re, dataclasses, collections",
)


def _gather() -> None:
    """Put together what cells write to."""
    for _ in range(_TRIES):
        _try_cells()
    ran = compact.code_of(_try_cells)
    tracebacks.forget()
    compact.move_names()
    compact.gather_code(ran)
    sys._clear_internal_caches()  # type: ignore[attr-defined] # new in 3.13
    compact.fill_holes()
    fresh.renew()
    tracebacks.renew()
    setattr(WitWorld, "execute", staticmethod(WitWorld.execute))  # noqa: B010 # one beside the rest
    compact.move(vars(sys))
    compact.move(sys.modules)
    fresh.drop_streams()
    compact.fill_holes()  # what they make anew leaves holes where it was before
    _try_cells()


def _freeze(*made: Any) -> None:
    """Get ready for the snapshot in which sessions begin; ``made``: objects of this call.

    The warm-up cells are forgotten; what they made in the interpreter's caches stays.
    """
    global _cells
    _cells = Cells(_cells.emit)
    tracebacks.forget()
    os.chdir("/home")
    sys.path_importer_cache.clear()  # every cell asks each entry to look again
    _kept.extend(made)
    _kept.extend(gc.get_referrers(made[0]))  # the arguments of the call
    gc.collect()
    gc.freeze()
    compact.fill_holes()


def _try_cells() -> None:
    global _cells
    _cells = Cells(_cells.emit)
    for number, source in enumerate(_TRIED, 1):
        WitWorld().execute(source, _dumps({"label": "warm-up", "number": number}))


class WitWorld:
    """The world of ``world.wit``."""

    @staticmethod  # a bound method would write to the instance, which lies far from all else
    def execute(source: str, request: str) -> str:
        """Run a cell, or get ready for the runtime snapshot. That takes two calls: objects of the
        first one leave holes.
        """
        asked: dict[str, Any] = _loads(request)
        if "freeze" in asked:
            if asked["freeze"] == "first":
                _gather()
            _freeze(source, request, asked)
            return _pack({"status": "ok"})
        return _pack(_cells.execute(source, asked))


os.environ.update({})  # what it learns of dict it learns before the objects of the start are listed
gc.collect()
_immortal = immortal.objects()
gc.freeze()
compact.fill_holes()
