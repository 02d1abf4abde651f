"""A small ``IPython.display``: what notebooks of ordinary Python use of it."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Callable
from typing import Any

from hypercell.kernel.languages.python_runtime.mimebundle import mimebundle

Emit = Callable[[dict[str, Any]], None]
_current: Emit | None = None


def attach(emit: Emit) -> None:
    """Where records go: set by the session."""
    global _current
    _current = emit


def emit(record: dict[str, Any]) -> None:
    """Send a record after what was printed before it."""
    sys.stdout.flush()
    sys.stderr.flush()
    if _current is not None:
        _current(record)


class DisplayObject:
    """Data that shows itself as one MIME type."""

    mime = "text/plain"

    def __init__(self, data: Any = None, *, filename: str | None = None, **metadata: Any) -> None:
        if filename is not None:
            with open(filename, "rb") as file:
                data = file.read()
        if isinstance(data, bytes) and not self.mime.startswith("image/p"):
            data = data.decode()
        self.data = data
        self.metadata = {key: value for key, value in metadata.items() if value is not None}

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {self.mime: self.data, "text/plain": repr(self)}, {self.mime: self.metadata}

    def __repr__(self) -> str:
        return f"<IPython.core.display.{type(self).__name__} object>"


class HTML(DisplayObject):
    """HTML."""

    mime = "text/html"


class Markdown(DisplayObject):
    """Markdown."""

    mime = "text/markdown"


class Latex(DisplayObject):
    """LaTeX."""

    mime = "text/latex"


class Math(Latex):
    """LaTeX without its dollars."""

    def __init__(self, data: str, **metadata: Any) -> None:
        super().__init__(f"$\\displaystyle {data.strip('$')}$", **metadata)


class SVG(DisplayObject):
    """An SVG."""

    mime = "image/svg+xml"


class JSON(DisplayObject):
    """What JSON can hold."""

    mime = "application/json"


class Image(DisplayObject):
    """A PNG or JPEG, from bytes or a file."""

    mime = "image/png"

    def __init__(self, data: Any = None, *, filename: str | None = None, **metadata: Any) -> None:
        if isinstance(data, str):
            data, filename = None, data
        super().__init__(data, filename=filename, **metadata)
        if isinstance(self.data, bytes) and self.data.startswith(b"\xff\xd8"):
            self.mime = "image/jpeg"


class Pretty(DisplayObject):
    """Plain text."""

    def __repr__(self) -> str:
        return str(self.data)


class DisplayHandle:
    """What ``display(…, display_id=True)`` returns."""

    def __init__(self, display_id: str) -> None:
        self.display_id = display_id

    def display(self, value: Any) -> None:
        """Show again."""
        display(value, display_id=self.display_id)

    def update(self, value: Any) -> None:
        """Replace what is shown."""
        update_display(value, display_id=self.display_id)


_handles = 0


def display(
    *values: Any, display_id: str | bool | None = None, raw: bool = False, **_: Any
) -> DisplayHandle | None:
    """Show values as they show themselves."""
    global _handles
    if display_id is True:
        _handles += 1
        display_id = f"display-{_handles}"
    for value in values:
        data, metadata = (value, {}) if raw else mimebundle(value)
        emit({"kind": "display", "data": data, "metadata": metadata, "id": display_id or ""})
    return DisplayHandle(display_id) if display_id else None


def update_display(value: Any, *, display_id: str, **_: Any) -> None:
    """Replace what a handle shows."""
    data, metadata = mimebundle(value)
    emit({"kind": "update", "data": data, "metadata": metadata, "id": display_id})


def clear_output(wait: bool = False) -> None:
    """Remove what the cell has shown so far."""
    emit({"kind": "clear", "wait": bool(wait)})


def install() -> None:
    """Make ``IPython.display`` importable, and ``display`` a builtin."""
    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    for name, value in list(globals().items()):
        if isinstance(value, type) and issubclass(value, (DisplayObject, DisplayHandle)):
            setattr(module, name, value)
    for function in (display, update_display, clear_output):
        setattr(module, function.__name__, function)
    package.__path__ = []
    package.__dict__.update(display=module, get_ipython=lambda: None)
    sys.modules.update({"IPython": package, "IPython.display": module})
    builtins.__dict__["display"] = display
