"""``obj?``, ``obj??`` and Shift-Tab: signature, type, docstring, source, as text."""

from __future__ import annotations

import builtins
import contextlib
import inspect
import keyword
import linecache
import re
from typing import Any

from hypercell.kernel.languages.python_runtime.ipython import emit
from hypercell.kernel.languages.python_runtime.magic_names import CELL_MAGICS, LINE_MAGICS
from hypercell.kernel.languages.python_runtime.mimebundle import cut
from hypercell.kernel.languages.python_runtime.place import Place, UsageError

_HEAD, _OFF = "\x1b[31m", "\x1b[39m"
_LONGEST_VALUE = 200
_MOST_DECORATORS = 20  # lines
_LONGEST_TEXT = 60_000


def pinfo(shell: Any, line: str, place: Place) -> None:
    """``%pinfo OBJECT``."""
    _show(line, place, detail=False)


def pinfo2(shell: Any, line: str, place: Place) -> None:
    """``%pinfo2 OBJECT``."""
    _show(line, place, detail=True)


def pdoc(shell: Any, line: str, place: Place) -> None:
    """``%pdoc OBJECT``."""
    _emit(inspect.getdoc(_value(line, place)) or "<no docstring>")


def psource(shell: Any, line: str, place: Place) -> None:
    """``%psource OBJECT``."""
    _emit(source_of(_value(line, place)) or "<no source>")


def _show(line: str, place: Place, *, detail: bool) -> None:
    name = line.strip()
    if name.startswith("%"):
        known = {**{f"%{key}": text for key, text in LINE_MAGICS.items()},
                 **{f"%%{key}": text for key, text in CELL_MAGICS.items()}}  # fmt: skip
        if name not in known:
            raise UsageError(f"there is no magic {name} in Python cells; %help knows the others")
        _emit(known[name])
    elif "*" in name:
        _emit("\n".join(wildcard(name, place)) or "nothing has such a name")
    elif keyword.iskeyword(name) and name not in ("None", "True", "False"):
        _emit(f"{name} is a keyword of Python")
    else:
        _emit(describe(_value(name, place), name, detail=detail))


def _emit(text: str) -> None:
    emit({"kind": "display", "data": {"text/plain": text}, "metadata": {}, "id": ""})


def _value(text: str, place: Place) -> Any:
    if not text:
        raise UsageError("write the name of an object: len?, or %pinfo len")
    try:
        return place.value(text)
    except (NameError, AttributeError):
        raise UsageError(f"Object `{text}` not found.") from None


def wildcard(pattern: str, place: Place) -> list[str]:
    """The names that match, as in ``str.*find*``."""
    import fnmatch

    owner, dot, last = pattern.rpartition(".")
    names = dir(_value(owner, place)) if dot else [*place.merged(), *vars(builtins)]
    found = sorted(name for name in set(names) if fnmatch.fnmatchcase(name, last))
    return [f"{owner}{dot}{name}" for name in found]


def describe(value: Any, name: str, *, detail: bool) -> str:
    """What there is to say about ``value``."""
    rows: list[tuple[str, str]] = []
    is_class = inspect.isclass(value)
    is_code = is_class or inspect.isroutine(value) or inspect.ismodule(value)
    short = name.rpartition(".")[2] or type(value).__name__
    signature = signature_of(value)
    if signature is not None:
        label = "Init signature" if is_class else "Signature" if is_code else "Call signature"
        rows.append((label, f"{short}{signature}"))
    if not is_code:
        rows.append(("Type", type(value).__name__))
        rows.append(("String form", " ".join(cut(_repr(value), _LONGEST_VALUE).split("\n"))))
        with contextlib.suppress(Exception):  # most things have none
            rows.append(("Length", str(len(value))))
    source = source_of(value) if detail else None
    if source is not None:
        rows.append(("Source", f"\n{source}"))
    else:
        rows.append(("Docstring", _block(_doc(value) or "<no docstring>")))
        init = _doc(getattr(value, "__init__", None)) if is_class else ""
        if init and "help(type" not in init:
            rows.append(("Init docstring", _block(init)))
    if file := _file_of(value):
        rows.append(("File", file))
    if is_code:
        rows.append(("Type", type(value).__name__))
        if is_class:
            below = ", ".join(sorted(found.__name__ for found in type.__subclasses__(value))[:10])
            rows.append(("Subclasses", below))
    width = max(len(label) for label, _ in rows) + 2
    text = "\n".join(
        f"{_HEAD}{label + ':':<{width if content[:1] != chr(10) else 0}}{_OFF}{content}".rstrip()
        for label, content in rows
    )
    return cut(text, _LONGEST_TEXT)


def signature_of(value: Any) -> str | None:
    """The signature of something that can be called, or None."""
    if not callable(value):
        return None
    try:
        return cut(str(inspect.signature(value)), 2000)
    except Exception:  # many builtins have none
        return None


def source_of(value: Any) -> str | None:
    """The source, where it is known: of the session's own cells and of files in /home."""
    try:
        if inspect.isclass(value) and value.__module__ == "__main__":
            return _class_source(value)
        if inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value):
            return inspect.getsource(value).rstrip("\n")
        if type(value).__module__ == "__main__":
            return _class_source(type(value))
        return inspect.getsource(type(value)).rstrip("\n")
    except Exception:  # it was no Python, or its file is not in the VM
        return None


def _class_source(value: Any) -> str | None:
    """Of a class that a cell defined: it knows its first line, but not of which cell."""
    first = vars(value)["__firstlineno__"] - 1
    named = re.compile(rf"\s*class\s+{re.escape(value.__name__)}\b")
    for name, entry in reversed(list(linecache.cache.items())):
        if not name.startswith("<") or len(entry) == 1:
            continue
        lines = entry[2][first:]
        if any(map(named.match, lines[:_MOST_DECORATORS])):
            found = "".join(inspect.getblock(lines)).rstrip("\n")
            if named.search(found):
                return found
    return None


def _doc(value: Any) -> str:
    try:
        found = inspect.getdoc(value)
    except Exception:
        return ""
    return found if isinstance(found, str) else ""


def _block(text: str) -> str:
    return text if "\n" not in text else f"\n{text}"


def _file_of(value: Any) -> str:
    try:
        file = inspect.getsourcefile(value) or ""
    except Exception:
        return ""
    return file if file.startswith("/home/") or file in linecache.cache else ""


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<its repr fails: {type(error).__name__}>"
