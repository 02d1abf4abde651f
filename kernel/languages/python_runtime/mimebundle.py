"""What a value looks like: its MIME types, from the methods that IPython asks for."""

from __future__ import annotations

import base64
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from hypercell.kernel.languages.python_runtime.plain import plain

BY_NAME = {
    "html": "text/html",
    "markdown": "text/markdown",
    "latex": "text/latex",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "json": "application/json",
    "javascript": "application/javascript",
}
_METHODS = {mime: f"_repr_{name}_" for name, mime in BY_NAME.items()}
MAX_TEXT = 1 << 20  # characters of text/plain
MAX_DATA = 6 << 20  # characters of all the others together; a larger record would be a trap


def mimebundle(
    value: Any, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(data, metadata) of a value; ``text/plain`` is always there."""
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    bundle = _ask(value, "_repr_mimebundle_", include=include, exclude=exclude)
    if isinstance(bundle, tuple) and len(bundle) == 2:
        bundle, metadata = bundle[0], dict(bundle[1])
    if isinstance(bundle, dict):
        data.update(bundle)
    for mime, method in _METHODS.items():
        if mime not in data:
            found = _ask(value, method)
            if isinstance(found, tuple) and len(found) == 2:
                found, metadata[mime] = found
            if found is not None:
                data[mime] = found
    wanted = set(data if include is None else include) - set(exclude or ())
    data = {mime: item for mime, item in data.items() if mime in wanted or mime == "text/plain"}
    shown = {mime: _text(item) for mime, item in data.items()}
    if sum(len(str(item)) for mime, item in shown.items() if mime != "text/plain") > MAX_DATA:
        shown = {"text/plain": shown["text/plain"]} if "text/plain" in shown else {}
    if "text/plain" not in shown:
        shown["text/plain"] = plain(value)
    shown["text/plain"] = cut(str(shown["text/plain"]), MAX_TEXT)
    return shown, metadata


def cut(text: str, limit: int) -> str:
    """At most about ``limit`` characters, and how many more there were."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit} more characters"


def _text(item: Any) -> Any:
    return base64.b64encode(item).decode() if isinstance(item, (bytes, bytearray)) else item


def showing(value: Any) -> Callable[[], Any] | None:
    """``_ipython_display_`` of a value that shows itself in its own way."""
    method = _method(value, "_ipython_display_")

    def show() -> None:
        try:
            method()
        except NotImplementedError:
            pass
        except Exception:
            _complain()

    return show if method is not None else None


def _ask(value: Any, name: str, **named: Any) -> Any:
    """The answer of a method of the value's class; None if there is none or it says so."""
    method = _method(value, name)
    if method is None:
        return None
    try:
        try:
            return method(**named)
        except TypeError:
            if not named:
                raise
            return method()  # written without the parameters that it may have
    except NotImplementedError:
        return None
    except Exception:  # as IPython has it: said, and the other types are shown
        _complain()
        return None


def _method(value: Any, name: str) -> Any:
    if isinstance(value, type):  # the methods are for its instances
        return None
    try:
        found = getattr(value, name, None)
        # An object that has every attribute (a mock, a proxy) has no representation of its own.
        if not callable(found) or callable(getattr(value, "_ipython_canary_method_", None)):
            return None
    except Exception:
        return None
    return found


def _complain() -> None:
    error = sys.exception()
    if error is not None and error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next  # this module's own frame
    traceback.print_exception(error)
