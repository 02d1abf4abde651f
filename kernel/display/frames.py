"""HTML with scripts, where the owner's configuration allows them: in two nested sandboxed frames.

The frames have an origin of their own, so that scripts in them reach neither the page nor the
Jupyter server. The outer frame's policy forbids requests; the inner one is there because a frame
may always navigate itself, which the outer one then forbids. What is left are look-ups of host
names and WebRTC: this protects Jupyter, not what the cell knows.
"""

from __future__ import annotations

import html

HEIGHT = 480  # pixels
MAX_CHARACTERS = 4 << 20
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-src 'none'"
)
_STYLE = "border:0;width:100%;height:{height}"


def framed(text: str) -> str:
    """The HTML as it came, where it can only harm itself."""
    style = _STYLE.format(height="100vh")
    outer = (
        f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        "<style>body{margin:0}</style>" + _frame(text, style)
    )
    return (
        f'<div style="contain:content">{_frame(outer, _STYLE.format(height=f"{HEIGHT}px"))}</div>'
    )


def _frame(document: str, style: str) -> str:
    source = html.escape(document)
    return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{source}"></iframe>'
