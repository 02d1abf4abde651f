"""Where the guest image lies: beside this file in a wheel, in ``guest/target`` in a checkout."""

from __future__ import annotations

from pathlib import Path

from hypercell.vmm.errors import ImageMissing


def image_path() -> Path:
    """The guest image's file. Raises ``ImageMissing``."""
    here = Path(__file__).resolve().parent
    shipped = here / "image" / "hypercell-guest"
    built = here.parent / "guest" / "target" / "release" / "hypercell-image"
    for path in (shipped, built):
        if path.is_file():
            return path
    if (here.parent / "guest" / "Cargo.toml").is_file():
        raise ImageMissing("the guest image is not built", hint="run: make image")
    raise ImageMissing(
        f"the guest image is not at {shipped}", hint="install the package again: pip install ."
    )
