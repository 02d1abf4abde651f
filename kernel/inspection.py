"""What the front end's "inspect" shows: help on the magic or option under the cursor."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hypercell.kernel import help_text
from hypercell.kernel.complete import language_of
from hypercell.kernel.errors import UsageError
from hypercell.kernel.languages.base import Language

_WORD = re.compile(r"\S+")


def inspect(code: str, cursor: int, *, languages: Mapping[str, Language], default: str) -> str:
    """Plain text, or nothing."""
    cursor = max(0, min(cursor, len(code)))
    start = code.rfind("\n", 0, cursor) + 1
    end = code.find("\n", cursor)
    line = code[start : end if end >= 0 else len(code)]
    if not line.lstrip().startswith("%"):
        return ""
    at = cursor - start
    word = next((m[0] for m in _WORD.finditer(line) if m.start() <= at <= m.end()), "")
    if not word:
        return ""
    if word.startswith("-"):
        language = language_of(code, languages, default)
        for option in language.options if language else ():
            if option.name == word:
                return f"{option.name} {option.metavar}".strip() + f"\n{option.help}"
    try:
        return help_text.topic(word.partition("=")[0], languages)
    except UsageError:
        return ""
