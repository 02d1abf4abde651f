"""Markdown to safe HTML, formulas included. Runs in the parser process."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from hypercell.kernel.display.formulas import cost, formula
from hypercell.kernel.display.safe_html import cost as html_cost
from hypercell.kernel.display.safe_html import safe_html


def markdown(text: str) -> tuple[str, int]:
    """(HTML, what it takes a page): rendered, then sanitised. HTML within gains nothing."""
    mark = f"formula-{secrets.token_hex(8)}-"  # no text can contain it: it is chosen afterwards
    formulas: list[str] = []
    costs = 0

    def note(self: Any, tokens: Sequence[Any], at: int, *_: Any) -> str:
        nonlocal costs
        content = tokens[at].content.strip()
        costs += cost(content)
        formulas.append(formula(content, display=tokens[at].type != "math_inline"))
        return f"{mark}{len(formulas) - 1}."

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, double_inline=True, allow_labels=False)
    for rule in ("math_inline", "math_inline_double", "math_block"):
        parser.add_render_rule(rule, note)
    clean = safe_html(parser.render(text))
    if re.search(rf'="[^"]*{mark}', clean):  # an attribute is no place for an element
        return clean, html_cost(clean)
    made = re.sub(rf"{mark}(\d+)\.", lambda found: formulas[int(found[1])], clean)
    return made, costs + html_cost(made)
