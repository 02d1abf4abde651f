"""What a value looks like: its MIME types, from the methods that IPython asks for."""

from __future__ import annotations

import base64
from typing import Any

_METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "application/json": "_repr_json_",
}
MAX_TEXT = 1 << 20  # characters of text/plain
MAX_DATA = 6 << 20  # characters of all the others together; a larger record would be a trap


def mimebundle(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(data, metadata) of a value; ``text/plain`` is always there."""
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    bundle = _ask(value, "_repr_mimebundle_")
    if bundle is not None:
        if isinstance(bundle, tuple) and len(bundle) == 2:
            bundle, metadata = bundle[0], dict(bundle[1])
        data.update(bundle)
    for mime, method in _METHODS.items():
        if mime not in data:
            found = _ask(value, method)
            if isinstance(found, tuple) and len(found) == 2:
                found, metadata[mime] = found
            if found is not None:
                data[mime] = found
    shown = {mime: _text(item) for mime, item in data.items()}
    if sum(len(str(item)) for mime, item in shown.items() if mime != "text/plain") > MAX_DATA:
        shown = {"text/plain": shown["text/plain"]} if "text/plain" in shown else {}
    if "text/plain" not in shown:
        shown["text/plain"] = repr(value)
    shown["text/plain"] = cut(str(shown["text/plain"]), MAX_TEXT)
    return shown, metadata


def cut(text: str, limit: int) -> str:
    """At most about ``limit`` characters, and how many more there were."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit} more characters"


def _text(item: Any) -> Any:
    return base64.b64encode(item).decode() if isinstance(item, (bytes, bytearray)) else item


def _ask(value: Any, method: str) -> Any:
    """The answer of a method of the value's class; None if there is none or it says so."""
    if isinstance(value, type):  # the methods are for its instances
        return None
    try:
        ask = getattr(value, method, None)
    except Exception:
        return None
    # An object that has every attribute (a mock, a proxy) has no representation of its own.
    if not callable(ask) or callable(getattr(value, "_ipython_canary_method_", None)):
        return None
    return ask()
