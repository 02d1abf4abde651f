"""``%autoreload``: modules of /home whose text changed are imported again before a cell.

What was imported from them before, and instances of their classes, run the new code then.
"""

from __future__ import annotations

import abc
import contextlib
import gc
import importlib
import sys
import traceback
import types
import zlib
from collections.abc import Iterator
from typing import Any

from hypercell.kernel.languages.python_runtime.place import Place, UsageError

_open, _reload = open, importlib.reload
_HOME = "/home/"
_MODES = {"0": 0, "off": 0, "1": 1, "explicit": 1, "2": 2, "all": 2, "3": 2, "complete": 2}
_OF_FUNCTIONS = (
    "__defaults__", "__kwdefaults__", "__doc__", "__annotate__", "__type_params__", "__dict__",
)  # fmt: skip


class _Settings:
    """``mode``: 1 reloads the modules ``named`` by %aimport, 2 all but those ``skipped``."""

    def __init__(self) -> None:
        self.mode = 0
        self.told = False
        self.named: set[str] = set()
        self.skipped: set[str] = set()
        self.seen: dict[str, int] = {}  # checksums of the texts that were imported


settings = _Settings()


def autoreload(shell: Any, line: str, place: Place) -> None:
    """``%autoreload [0|1|2|now] [-p]``."""
    words = line.lower().split()
    settings.told = "-p" in words or "--print" in words
    modes = [word for word in words if not word.startswith("-")] or ["now"]
    if modes == ["now"]:
        _refresh(shell.user_ns, 2)
    elif len(modes) == 1 and modes[0] in _MODES:
        settings.mode = _MODES[modes[0]]
        note()
    else:
        raise UsageError(
            "%autoreload takes 0 (off), 1 (the modules that %aimport names), 2 (all of /home) "
            "or now; -p prints what it reloads"
        )


def aimport(shell: Any, line: str, place: Place) -> None:
    """``%aimport [NAME | -NAME, …]``."""
    for name in line.replace(",", " ").split():
        if name.startswith("-"):
            settings.named.discard(name[1:])
            settings.skipped.add(name[1:])
            continue
        importlib.import_module(name)
        top = name.partition(".")[0]
        shell.user_ns[top] = sys.modules[top]
        settings.skipped.discard(name)
        settings.named.add(name)
    if not line:
        named, skipped = (" ".join(sorted(s)) for s in (settings.named, settings.skipped))
        named = named if settings.mode == 1 else f"all of /home {named}".rstrip()
        sys.stdout.write(f"Modules to reload:\n{named}\n\nModules to skip:\n{skipped}\n")


def note() -> None:
    """Remember the texts of modules that are new, at the end of a cell."""
    if settings.mode:
        for name, _, text in _modules():
            settings.seen.setdefault(name, zlib.crc32(text))


def refresh(names: dict[str, Any]) -> None:
    """Before a cell: ``names`` are its variables."""
    if settings.mode:
        _refresh(names, settings.mode)


def _refresh(names: dict[str, Any], mode: int) -> None:
    for name, module, text in _modules():
        if name in settings.skipped or (mode == 1 and name not in settings.named):
            continue
        now = zlib.crc32(text)
        if settings.seen.get(name) == now:
            continue
        settings.seen[name] = now  # what fails is not tried again until it changes
        if settings.told:
            sys.stdout.write(f"Reloading '{name}'.\n")
        try:
            _again(module, names)
        except Exception as error:
            sys.stderr.write(f"[autoreload of {name} failed: {_said(error)}]\n")


def _said(error: Exception) -> str:
    """Its traceback, from the outermost frame of a module of /home."""
    tb = error.__traceback__
    while tb is not None and not tb.tb_frame.f_code.co_filename.startswith(_HOME):
        tb = tb.tb_next
    return "".join(traceback.format_exception(type(error), error, tb)).rstrip()


def _modules() -> Iterator[tuple[str, types.ModuleType, bytes]]:
    """Those of /home that are imported, with their texts of now."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name == "__main__" or not isinstance(path, str) or not path.startswith(_HOME):
            continue
        try:
            with _open(path, "rb") as file:
                yield name, module, file.read()
        except OSError:
            continue


def _again(module: types.ModuleType, names: dict[str, Any]) -> None:
    """Import it anew; if that fails it is as it was."""
    inside = module.__dict__
    before = dict(inside)
    for name in list(inside):
        if not name.startswith("__"):
            del inside[name]
    try:
        _reload(module)
    except BaseException:
        inside.clear()
        inside.update(before)
        raise
    for name, old in before.items():
        new = inside.get(name)
        if (
            name.startswith("__")
            or new is None
            or getattr(old, "__module__", "") != module.__name__
        ):
            continue
        if _function(old, new):
            inside[name] = old
            continue
        if isinstance(old, type) and isinstance(new, type):
            _class(old, new)
        for other in [other for other, value in names.items() if value is old]:
            names[other] = new


def _function(old: Any, new: Any) -> bool:
    """Make the old function what the new one is, if both are and it can be."""
    if not isinstance(old, types.FunctionType) or not isinstance(new, types.FunctionType):
        return False
    if old.__code__.co_freevars != new.__code__.co_freevars:
        return False
    for mine, other in zip(old.__closure__ or (), new.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # nothing in it yet
            mine.cell_contents = other.cell_contents
    old.__code__ = new.__code__
    for name in _OF_FUNCTIONS:
        setattr(old, name, getattr(new, name))
    return True


def _class(old: type, new: type) -> None:
    """Instances and subclasses of the old class become the new one's; so do methods kept alone."""
    if type(old) is not type(new) or type(old) not in (type, abc.ABCMeta):
        return  # members of an Enum are what their class made
    if old.__dict__.get("__slots__") != new.__dict__.get("__slots__"):
        return  # an instance has no room for what is new
    for name, method in list(old.__dict__.items()):
        if _function(method, new.__dict__.get(name)):
            setattr(new, name, method)
    with contextlib.suppress(TypeError):  # another layout
        for found in gc.get_referrers(old):
            if type(found) is old:
                object.__setattr__(found, "__class__", new)
        subclasses: list[Any] = old.__subclasses__()
        for below in subclasses:
            below.__bases__ = tuple(new if base is old else base for base in below.__bases__)
