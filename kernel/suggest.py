"""\"Did you mean\" for everything that has a list of known names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """A hint that names the nearest known word, if one is near, and then all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    listing = f"{what}: {', '.join(known)}"
    return f"did you mean {near[0]}? {listing}" if near else listing
