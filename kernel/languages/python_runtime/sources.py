"""The text of the standard library, for tracebacks and ``inspect``: its files are not in the VM.

At build time it is read and packed; ``linecache`` unpacks a module when a line of it is asked for.
"""

from __future__ import annotations

import functools
import importlib.machinery
import linecache
import sys
import types
import zlib
from typing import Any

_HERE = __name__.partition(".")[0]
_decompress = zlib.decompress
_cache: dict[str, Any] = linecache.cache


def keep() -> None:
    """Keep the source of every module that is imported, ours excepted."""
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in (_HERE, "__main__"):
            continue
        source = _source(name, module)
        if source is None:
            continue
        entry = (functools.partial(_unpacked, zlib.compress(source.encode(), 9)),)
        for file in {getattr(module, "__file__", None), *_files(module)}:
            if isinstance(file, str):
                _cache[file] = entry


def _source(name: str, module: types.ModuleType) -> str | None:
    spec = getattr(module, "__spec__", None)
    if spec is None or spec.name != name:  # os.path is posixpath
        return None
    try:
        if not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec = importlib.machinery.PathFinder.find_spec(name)  # the file of a frozen one
        loader: Any = spec and spec.loader
        source: str | None = loader.get_source(name)
    except (AttributeError, ImportError, OSError):
        return None
    return source


def _files(module: types.ModuleType) -> set[str]:
    """What the module's code calls its file, ``<frozen os>`` for one."""
    return {
        value.__code__.co_filename
        for value in list(vars(module).values())
        if isinstance(value, types.FunctionType)
        and value.__code__.co_filename.startswith("<frozen ")
        and value.__module__ == module.__name__
    }


def _unpacked(packed: bytes) -> str:
    return _decompress(packed).decode()
