"""What the kernel says about itself."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from hypercell.kernel.languages.base import Language

_PYGMENTS = {"wat": "wast"}


def version() -> str:
    """The installed version of Hypercell."""
    try:
        return importlib.metadata.version("hypercell")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def banner() -> str:
    """What a console shows at its start."""
    return f"Hypercell {version()}: every cell runs in its own micro-VM. %help says more."


def help_links() -> list[dict[str, str]]:
    """Entries of the front end's help menu."""
    return [
        {"text": "Python", "url": "https://docs.python.org/3.14/"},
        {"text": "WebAssembly specification", "url": "https://webassembly.github.io/spec/core/"},
        {"text": "WASI", "url": "https://wasi.dev/"},
        {"text": "C reference", "url": "https://en.cppreference.com/w/c"},
        {
            "text": "Clang options",
            "url": "https://clang.llvm.org/docs/ClangCommandLineReference.html",
        },
        {"text": "Wasmtime", "url": "https://docs.wasmtime.dev/"},
    ]


def language_info(languages: Mapping[str, Language], default: str) -> dict[str, Any]:
    """The protocol's ``language_info`` for cells without a magic."""
    language = languages.get(default)
    suffix = language.suffix if language else ".txt"
    mimetype = language.mimetype if language else "text/plain"
    return {
        "name": default,
        "version": version(),
        "mimetype": mimetype,
        "file_extension": suffix,
        "pygments_lexer": _PYGMENTS.get(default, default),
        "codemirror_mode": mimetype,
        **getattr(language, "info", {}),
    }
