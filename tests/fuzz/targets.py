"""All fuzz targets."""

from __future__ import annotations

import display_side
import files_side
import guest_side
import messages_side
import text_side

TARGETS = (
    *guest_side.TARGETS,
    *messages_side.TARGETS,
    *files_side.TARGETS,
    *text_side.TARGETS,
    *display_side.TARGETS,
)
