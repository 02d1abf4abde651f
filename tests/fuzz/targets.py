"""All fuzz targets."""

from __future__ import annotations

import display_side
import files_side
import guest_side
import live_code
import live_image
import live_wasi2
import messages_side
import session_side
import text_side

TARGETS = (
    *guest_side.TARGETS,
    *messages_side.TARGETS,
    *session_side.TARGETS,
    *live_code.TARGETS,
    *live_image.TARGETS,
    *live_wasi2.TARGETS,
    *files_side.TARGETS,
    *text_side.TARGETS,
    *display_side.TARGETS,
)
