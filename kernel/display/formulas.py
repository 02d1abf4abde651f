"""Formulas as HTML that the page's MathJax typesets inside a box where it touches nothing else."""

from __future__ import annotations

import html
import re

from hypercell.kernel.display import math

PROCESS = "mathjax_process tex2jax_process"
_DISPLAY = re.compile(r"\s*(?:\$\$(.*)\$\$|\\\[(.*)\\\])\s*\Z", re.DOTALL)
_INLINE = re.compile(r"\s*(?:\$([^$]*)\$|\\\((.*)\\\))\s*\Z", re.DOTALL)


def cost(text: str) -> int:
    """What typesetting takes a page, in tags of HTML that it could lay out instead."""
    return 40 + 10 * len(text)


def formula(text: str, *, display: bool) -> str:
    """LaTeX without delimiters as HTML; what MathJax may not have as code."""
    if math.refusal(text) or "$" in text:
        return f"<code>{html.escape(text)}</code>"
    opening, closing = ("\\[", "\\]") if display else ("\\(", "\\)")
    return f'<span class="{PROCESS}">{opening}{html.escape(text)}{closing}</span>'


def latex(text: str) -> tuple[str, str]:
    """(HTML, why not) of a ``text/latex``, which brings its own delimiters."""
    shown = _DISPLAY.match(text)
    found = shown or _INLINE.match(text)
    inner = (found[1] or found[2] or "") if found else text.strip()
    display = shown is not None or found is None
    problem = math.refusal(inner)
    if not problem and "$" in inner.replace("\\$", ""):
        problem = "only one formula is shown at a time"
    return ("", problem) if problem else (formula(inner, display=display), "")
