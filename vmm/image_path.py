"""Where the guest image lies."""

from __future__ import annotations

import os
from pathlib import Path

from hypercell.vmm.errors import ImageMissing

ENVIRONMENT = "HYPERCELL_IMAGE"
_HERE = Path(__file__).resolve().parent
_PACKAGED = _HERE / "image" / "hypercell-guest"
_TARGET = _HERE.parent / "guest" / "target"
_BUILT = (
    _TARGET / "x86_64-unknown-linux-gnu" / "release" / "hypercell-image",
    _TARGET / "release" / "hypercell-image",
)


def image_path() -> Path:
    """The image: ``HYPERCELL_IMAGE``, else the package's, else the repository's.

    Raises ``ImageMissing``.
    """
    configured = os.environ.get(ENVIRONMENT)
    places = [Path(configured)] if configured else [_PACKAGED, *_BUILT]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    raise ImageMissing(
        f"the guest image is not there (looked at {looked})", hint="build it: make image"
    )


def read_image() -> bytes:
    """Its bytes. Raises ``ImageMissing``."""
    place = image_path()
    try:
        return place.read_bytes()
    except OSError as error:
        raise ImageMissing(
            f"the guest image {place} cannot be read: {error.strerror}", hint="build it: make image"
        ) from None
