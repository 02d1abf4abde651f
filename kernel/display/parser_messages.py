"""What the kernel process and the parser process say to each other."""

from __future__ import annotations

from typing import Literal

import msgspec

MAX_TEXT = 4 << 20  # characters of HTML or Markdown

Kind = Literal["html", "markdown", "svg"]


class Parse(msgspec.Struct, frozen=True):
    """Make ``text`` safe."""

    kind: Kind
    text: str


class Parsed(msgspec.Struct, frozen=True):
    """Safe HTML, or why there is none."""

    html: str = ""
    tags: int = 0  # of HTML that would take a page as long
    pixels: int = 0  # of the pictures in it
    problem: str = ""
