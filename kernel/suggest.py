"""\"Did you mean\" for everything that has a list of known names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# A module may export 100,000 functions; to compare two long names can take milliseconds.
_MOST = 200
_LONGEST = 60  # characters


def did_you_mean(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """A hint that names the nearest known word, if one is near, and then all of them."""
    known = sorted(known)
    more = len(known) - _MOST
    known = known[:_MOST]
    short = [name for name in known if len(name) <= _LONGEST]
    near = difflib.get_close_matches(word[:_LONGEST], short, n=1, cutoff=0.6)
    listing = f"{what}: {', '.join(known)}" + (f" … and {more} more" if more > 0 else "")
    return f"did you mean {near[0]}? {listing}" if near else listing
