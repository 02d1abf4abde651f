"""Time zones for ``zoneinfo``: the files of the package tzdata, which are not in the VM.

At build time they are read and packed; a zone is unpacked when a cell asks for it.
"""

from __future__ import annotations

import io
import sys
import zlib
import zoneinfo
from typing import Any

_common: Any = sys.modules["zoneinfo._common"]
_BytesIO, _decompress = io.BytesIO, zlib.decompress
_packed: dict[str, bytes] = {}


def keep() -> None:
    """Keep all zones, and let ``zoneinfo`` find them."""
    same: dict[bytes, bytes] = {}  # many zones are another name of one
    for name in sorted(zoneinfo.available_timezones()):
        with _common.load_tzdata(name) as file:
            data = file.read()
        _packed[name] = same.setdefault(data, zlib.compress(data, 9))
    for name in [name for name in sys.modules if name.partition(".")[0] == "tzdata"]:
        del sys.modules[name]
    _common.load_tzdata = _load
    for module in ("zoneinfo", "zoneinfo._tzpath"):
        sys.modules[module].__dict__["available_timezones"] = _available


def _load(key: str) -> io.BytesIO:
    """``zoneinfo._common.load_tzdata``."""
    if key not in _packed:
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}")
    return _BytesIO(_decompress(_packed[key]))


def _available() -> set[str]:
    """``zoneinfo.available_timezones``."""
    return set(_packed)
