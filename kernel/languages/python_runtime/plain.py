"""``text/plain`` of a value, laid out in 79 columns by IPython's own ``pretty``."""

from __future__ import annotations

from typing import Any

from IPython.lib import pretty as _library

library: Any = _library
_pretty = library.pretty
_repr = repr
_WIDTH = 79
_FEW = 30
_SIMPLE = frozenset({int, float, complex, bool, str, bytes, type(None), range})


def plain(value: Any) -> str:
    """The text. Raises what a ``__repr__`` or ``_repr_pretty_`` of the value raises."""
    kind = type(value)
    if kind in _SIMPLE:  # what most cells show: the same without the machinery
        return _repr(value)
    if (kind is list or kind is tuple) and len(value) <= _FEW:
        for item in value:
            if type(item) not in _SIMPLE:
                break
        else:
            text = _repr(value)
            if len(text) <= _WIDTH:
                return text
    return str(_pretty(value, max_width=_WIDTH))
