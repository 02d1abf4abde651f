"""The files that the Python component is made of: our own, beside the languages."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

_PACKAGE = "hypercell.kernel.languages"
_FOLDER = "python_runtime"
APP = f"{_PACKAGE}.{_FOLDER}"  # where they run they are called the same
WORLD = "world.wit"
INTERFACES = "display.wit"


@cache
def files() -> dict[str, bytes]:
    """Name -> bytes of the Python and WIT files."""
    folder = resources.files(_PACKAGE).joinpath(_FOLDER)
    found = {item.name: item for item in folder.iterdir() if item.name.endswith((".py", ".wit"))}
    return {name: found[name].read_bytes() for name in sorted(found)}


@cache
def digest() -> str:
    """Changes with any of them, and with what is done to the component that is made of them."""
    text = hashlib.blake2b(digest_size=16)
    text.update(resources.files(__package__).joinpath("immortal_objects.py").read_bytes())
    for name, data in files().items():
        text.update(f"{name}\0{len(data)}\0".encode() + data)
    return text.hexdigest()


def write(work: Path) -> tuple[Path, Path]:
    """Lay them out as componentize-py wants them: (directory of the app, of the WIT)."""
    app, wit = work / "app", work / "wit"
    package = app.joinpath(*APP.split("."))
    package.mkdir(parents=True)
    (wit / "deps" / "host").mkdir(parents=True)
    for name, data in files().items():
        if name.endswith(".py"):
            (package / name).write_bytes(data)
    (wit / WORLD).write_bytes(files()[WORLD])
    (wit / "deps" / "host" / INTERFACES).write_bytes(files()[INTERFACES])
    return app, wit
