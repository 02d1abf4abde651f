"""Imports the standard library at build time: what is not imported then is missing later."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import linecache
import pkgutil
import sys
import types
import warnings
from collections.abc import Sequence

_AT_IMPORT = {"this"}  # shows something when a cell imports it
_NOT = {"antigravity", "idlelib", "turtle", "turtledemo", "test", "lib2to3", "ensurepip"}
_CHANGED = {"random", "getpass"}  # by fresh.py: anew they would give two forks one stream
_WITH_SUBMODULES = (
    "asyncio", "collections", "concurrent", "ctypes", "email", "encodings", "html", "http",
    "importlib", "json", "logging", "multiprocessing", "os", "re", "sqlite3", "sysconfig",
    "tomllib", "unittest", "urllib", "wsgiref", "xml", "xmlrpc", "zipfile", "zoneinfo", "string",
    "pathlib", "compression", "dbm",
)  # fmt: skip


def import_all() -> None:
    """Import every module that can be; the others need an operating system."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in sorted(sys.stdlib_module_names - _NOT - _AT_IMPORT):
            _try(name)
        for name in _WITH_SUBMODULES:
            package = sys.modules.get(name)
            for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
                if not module.name.endswith("__main__") and ".test" not in module.name:
                    _try(module.name)
    sys.meta_path.append(_Kept({name: _code(name) for name in _AT_IMPORT}))


class _Kept(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Runs modules whose code or source was kept: a cell does not have their files.

    A module that is reloaded (``target``) has its source in ``linecache``: see ``sources.py``.
    """

    def __init__(self, codes: dict[str, types.CodeType]) -> None:
        self._codes = codes

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path
        if name in self._codes:
            return importlib.machinery.ModuleSpec(name, self)
        file = getattr(target, "__file__", None)
        if file is None or file not in linecache.cache or name in _CHANGED:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=file)
        spec.submodule_search_locations = getattr(target, "__path__", None)
        return spec

    def get_code(self, name: str) -> types.CodeType:
        if name in self._codes:
            return self._codes[name]
        code: types.CodeType = self.source_to_code(self.get_source(name), self._file(name))
        return code

    def get_source(self, name: str) -> str:
        return "".join(linecache.getlines(self._file(name)))

    def _file(self, name: str) -> str:
        return str(sys.modules[name].__file__)


def _code(name: str) -> types.CodeType:
    spec = importlib.util.find_spec(name)
    code = spec and spec.loader and spec.loader.get_code(name)  # type: ignore[attr-defined]
    if not isinstance(code, types.CodeType):
        raise ImportError(name)
    return code


def _try(name: str) -> None:
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module(name)
