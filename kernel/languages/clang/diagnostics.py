"""What clang and wasm-ld print, in terms of the cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hypercell.kernel.errors import BuildError
from hypercell.kernel.languages.clang.commands import CELL, STUB
from hypercell.kernel.languages.clang.implicit_main import NAME

_MAX_SHOWN = 64 << 10  # characters
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"(?:fatal )?error: (.*)")
_SYMBOL = re.compile(r"undefined symbol: (\S+)")
_FROM_STUB = re.compile(
    rf"^[^\n]*In file included from (?:\./)?{re.escape(STUB)}:\d+:[^\n]*\n", re.M
)
_PREFIX = re.compile(r"^wasm-ld: ", re.M)
_ABSENT = {
    "fork system popen execv execve execvp execl execlp waitpid wait pipe dup2 kill": (
        "WASI has no processes"
    ),
    "pthread_create thrd_create pthread_join": "a cell has one thread",
    "socket connect bind listen getaddrinfo gethostbyname": "a cell has no network",
    "__cxa_throw __cxa_allocate_exception": "this is C++",
    "__stack_chk_fail": "there is no stack protector here",
    "alarm sigaction setitimer": "WASI has no asynchronous signals",
}


def of_compiler(raw: bytes) -> str:
    """clang's text, in which the cell has its name."""
    text = _FROM_STUB.sub("", raw.decode("utf-8", "replace"))
    return _bounded(text.replace(f"{CELL}:", f"{NAME}:"))


def of_linker(raw: bytes, objects: Mapping[str, str]) -> str:
    """wasm-ld's text. ``objects``: path in the guest -> name of the source."""
    text = _PREFIX.sub("", raw.decode("utf-8", "replace"))
    for path, source in objects.items():
        text = text.replace(path, source)
    return _bounded(re.sub(r"/usr/lib/\S*/(lib\S+\.a|crt1\S*\.o)", r"\1", text))


def compile_error(text: str) -> BuildError:
    """The error for a source that clang refuses."""
    errors = _ERROR.findall(_COLOUR.sub("", text))
    if not errors:
        return BuildError("clang refuses the source", diagnostics=text)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return BuildError(f"{errors[0].strip()}{more}", diagnostics=text)


def link_error(text: str) -> BuildError:
    """The error for objects that do not make a program."""
    symbols = list(dict.fromkeys(_SYMBOL.findall(text)))
    if not symbols:
        errors = _ERROR.findall(text) or ["the objects do not make a program"]
        return BuildError(errors[0].strip(), diagnostics=text)
    what = "undefined symbol" + ("s" if len(symbols) > 1 else "")
    return BuildError(
        f"{what}: {', '.join(symbols[:8])}{' …' if len(symbols) > 8 else ''}",
        diagnostics=text,
        hint=_hint(symbols),
    )


def has_warnings(text: str) -> bool:
    """Whether there is anything to show of a build that went well."""
    return bool(text.strip())


def _hint(symbols: Sequence[str]) -> str:
    if any(symbol in ("main", "__main_argc_argv", "__main_void") for symbol in symbols):
        return "define main, or write statements: a cell without main is the body of one"
    for names, why in _ABSENT.items():
        found = next((symbol for symbol in symbols if symbol in names.split()), "")
        if found:
            return f"{found}: {why}"
    return "declared but defined nowhere; files of /home are added with: %%c --add FILE"


def _bounded(text: str) -> str:
    if len(text) <= _MAX_SHOWN:
        return text
    return f"{text[:_MAX_SHOWN]}\n… ({len(text) - _MAX_SHOWN} more characters)\n"
