"""How many descriptors this process may have."""

from __future__ import annotations

import resource
import sys

LEAST, _PLENTY = 128, 4096  # an idle kernel has 80, some of each library it uses


def raise_limit() -> int:
    """Allow this process as many as it may have, if it may; how many."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (sys.maxsize if n == resource.RLIM_INFINITY else n for n in limits)
    wanted = min(hard, _PLENTY)
    if soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limits[1]))
    return wanted
