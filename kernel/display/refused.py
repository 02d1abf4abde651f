"""Why something is not shown."""

from __future__ import annotations


class Refused(Exception):
    """``str`` of it completes the sentence "… is not shown: "."""
