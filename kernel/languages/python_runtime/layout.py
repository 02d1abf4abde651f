"""Magics about how values are laid out."""

from __future__ import annotations

import sys
from typing import Any

from hypercell.kernel.languages.python_runtime import plain
from hypercell.kernel.languages.python_runtime.place import Place, UsageError


def precision(shell: Any, line: str, place: Place) -> str:
    """``%precision [N]``, or a format like ``%.3e``."""
    text = line.strip()
    form = f"%.{text}f" if text.isdecimal() and len(text) < 4 else text
    try:
        str(form and form % 3.14159)
    except (TypeError, ValueError):
        raise UsageError("%precision takes a number of digits, or a format: %.3e") from None
    plain.settings.set_float(form)
    return form or "%r"


def pprint(shell: Any, line: str, place: Place) -> None:
    """``%pprint``: on and off."""
    plain.settings.broken = not plain.settings.broken
    sys.stdout.write(
        f"Pretty printing has been turned {'ON' if plain.settings.broken else 'OFF'}\n"
    )
