"""A small ``IPython.display``: what notebooks of ordinary Python use of it."""

from __future__ import annotations

import builtins
import contextlib
import pdb
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hypercell.kernel.languages.python_runtime import core_errors, plain
from hypercell.kernel.languages.python_runtime.display_objects import CLASSES, ELSEWHERE, Code
from hypercell.kernel.languages.python_runtime.mimebundle import BY_NAME, mimebundle, showing

VERSION = "9.18.1"  # whose ways these are: that of the `pretty` in the lock file
_MODULES = (
    "IPython.core",
    "IPython.core.debugger",
    "IPython.lib",
    "IPython.utils",
    "IPython.utils.capture",
    "IPython.utils.io",
    "IPython.display",
    "IPython.core.display",
    "IPython.core.display_functions",
    "IPython.core.error",
    "IPython.core.interactiveshell",
    "IPython.lib.display",
)
Emit = Callable[[dict[str, Any]], None]
_current: Emit | None = None
_handles = 0


def attach(emit: Emit) -> None:
    """Where records go: set by the session."""
    global _current
    _current = emit


@contextlib.contextmanager
def attached(emit: Emit) -> Iterator[None]:
    """Records go to ``emit`` meanwhile."""
    global _current
    before, _current = _current, emit
    try:
        yield
    finally:
        _current = before


def emit(record: dict[str, Any]) -> None:
    """Send a record after what was printed before it."""
    sys.stdout.flush()
    sys.stderr.flush()
    if _current is not None:
        _current(record)


class DisplayHandle:
    """What ``display(…, display_id=True)`` returns."""

    def __init__(self, display_id: str | None = None) -> None:
        self.display_id = display_id if display_id is not None else _new_id()

    def display(self, value: Any, **named: Any) -> None:
        """Show again."""
        display(value, display_id=self.display_id, **named)

    def update(self, value: Any, **named: Any) -> None:
        """Replace what is shown."""
        update_display(value, display_id=self.display_id, **named)

    def __repr__(self) -> str:
        return f"<DisplayHandle display_id={self.display_id}>"


def show(value: Any, *, result: bool = False) -> None:
    """Show a value as it shows itself; ``result``: as the cell's."""
    own = showing(value)
    if own is not None:
        own()
        return
    data, metadata = mimebundle(value)
    emit({"kind": "result" if result else "display", "data": data, "metadata": metadata})


def display(
    *values: Any,
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    metadata: dict[str, Any] | None = None,
    display_id: str | bool | None = None,
    raw: bool = False,
    clear: bool = False,
    **_: Any,
) -> DisplayHandle | None:
    """Show values as they show themselves."""
    if display_id is True:
        display_id = _new_id()
    if clear:
        clear_output(wait=True)
    for value in values:
        _send("display", value, metadata, display_id or "", raw, include, exclude)
    return DisplayHandle(str(display_id)) if display_id else None


def update_display(
    value: Any,
    *,
    display_id: str,
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    metadata: dict[str, Any] | None = None,
    raw: bool = False,
    **_: Any,
) -> None:
    """Replace what a handle shows."""
    _send("update", value, metadata, display_id, raw, include, exclude)


def publish_display_data(
    data: dict[str, Any],
    metadata: dict[str, Any] | None = None,
    *,
    transient: dict[str, Any] | None = None,
    update: bool = False,
    **_: Any,
) -> None:
    """Show data that is a bundle already."""
    name = (transient or {}).get("display_id", "")
    _send("update" if update else "display", data, metadata, name, raw=True)


def clear_output(wait: bool = False) -> None:
    """Remove what the cell has shown so far."""
    emit({"kind": "clear", "wait": bool(wait)})


def _send(
    kind: str,
    value: Any,
    metadata: dict[str, Any] | None,
    name: Any,
    raw: bool,
    include: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
) -> None:
    found: dict[str, Any] = {}
    data = value
    if not raw:
        own = showing(value)
        if own is not None:
            own()
            return
        data, found = mimebundle(value, include, exclude)
    record = {"kind": kind, "data": data, "metadata": {**found, **(metadata or {})}}
    emit({**record, "id": str(name)})


def _new_id() -> str:
    global _handles
    _handles += 1
    return f"display-{_handles}"


def _as(mime: str) -> Callable[..., None]:
    """``display_html`` and the like: one type, from values or (``raw``) from data."""

    def show_as(*values: Any, raw: bool = False, metadata: Any = None) -> None:
        for value in values:
            if raw:
                _send("display", {mime: value}, {mime: metadata} if metadata else None, "", True)
            else:
                display(value, include=(mime, "text/plain"), metadata=metadata)

    return show_as


def install() -> None:
    """Make ``IPython.display`` importable, and ``display`` a builtin."""
    functions: tuple[Any, ...] = (display, update_display, publish_display_data, clear_output)
    made_here: tuple[Any, ...] = (*CLASSES, DisplayHandle, *functions)
    names: dict[str, Any] = {made.__name__: made for made in made_here}
    for made in names.values():  # what IPython calls them, in reprs and when pickled
        core = made in functions or made is DisplayHandle
        made.__module__ = "IPython.core.display_functions" if core else _home(made)
    names.update({f"display_{name}": _as(mime) for name, mime in BY_NAME.items()})
    package = types.ModuleType("IPython")
    package.__path__ = []
    sys.modules["IPython"] = package
    for path in _MODULES:
        module = sys.modules[path] = types.ModuleType(path)
        module.__path__ = []
        if "display" in path:
            module.__dict__.update(names, __all__=sorted(names))
        if path.endswith("error"):
            module.__dict__.update(core_errors.NAMES)
        if path.endswith("debugger"):
            module.__dict__.update(Pdb=pdb.Pdb, set_trace=pdb.set_trace)
        parent, _, name = path.rpartition(".")
        sys.modules[parent].__dict__[name] = module
    library = sys.modules["IPython.lib"].__dict__["pretty"] = plain.library
    sys.modules["IPython.lib.pretty"] = library
    version = tuple(map(int, VERSION.split(".")))
    package.__dict__.update(
        get_ipython=lambda: None, __version__=VERSION, version_info=(*version, "")
    )
    builtins.__dict__["display"] = display


def _home(made: type) -> str:
    return f"IPython.{'lib' if made in (Code, *ELSEWHERE) else 'core'}.display"
