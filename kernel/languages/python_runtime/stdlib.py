"""Imports the standard library at build time: what is not imported then is missing later."""

from __future__ import annotations

import contextlib
import importlib
import io
import pkgutil
import sys
import warnings

_NOT = {"antigravity", "this", "idlelib", "turtle", "turtledemo", "test", "lib2to3", "ensurepip"}
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
        for name in sorted(sys.stdlib_module_names - _NOT):
            _try(name)
        for name in _WITH_SUBMODULES:
            package = sys.modules.get(name)
            for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
                if not module.name.endswith("__main__") and ".test" not in module.name:
                    _try(module.name)


def _try(name: str) -> None:
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module(name)
