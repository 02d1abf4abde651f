"""``text/plain`` of a value, laid out in 79 columns by IPython's own ``pretty``."""

from __future__ import annotations

import io
from typing import Any

from IPython.lib import pretty as _library

library: Any = _library
_Printer = library.RepresentationPrinter
_repr = repr
_WIDTH = 79
_FEW = 30
_SIMPLE = frozenset({int, float, complex, bool, str, bytes, type(None), range})


class _Settings:
    """``simple``: types whose text is their ``repr``. ``broken``: into lines, by ``%pprint``."""

    def __init__(self) -> None:
        self.broken = True
        self.set_float("")

    def set_float(self, form: str) -> None:
        """How ``%precision`` wants floats; "" as they are."""
        self.form = form
        self.simple = _SIMPLE - {float} if form else _SIMPLE


settings = _Settings()


def plain(value: Any) -> str:
    """The text. Raises what a ``__repr__`` or ``_repr_pretty_`` of the value raises."""
    kind, simple = type(value), settings.simple
    if kind in simple or not settings.broken:
        return _repr(value)  # what most cells show: the same without the machinery
    if (kind is list or kind is tuple) and len(value) <= _FEW:
        for item in value:
            if type(item) not in simple:
                break
        else:
            text = _repr(value)
            if len(text) <= _WIDTH:
                return text
    out = io.StringIO()
    printer = _Printer(out, max_width=_WIDTH)
    if settings.form:
        printer.type_pprinters[float] = _float
    printer.pretty(value)
    printer.flush()
    return out.getvalue()


def _float(value: float, printer: Any, cycle: bool) -> None:
    printer.text(settings.form % value)
