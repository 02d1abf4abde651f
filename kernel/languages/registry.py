"""Finds the languages: every module beside this one that has a ``LANGUAGE``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import hypercell.kernel.languages as package
from hypercell.kernel.languages.base import Language


@cache
def languages() -> Mapping[str, Language]:
    """The word after ``%%`` -> language, sorted."""
    found: dict[str, Language] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg:
            loaded = importlib.import_module(f"{package.__name__}.{module.name}")
            language: Language | None = getattr(loaded, "LANGUAGE", None)
            if language is not None:
                found[language.name] = language
    return MappingProxyType(dict(sorted(found.items())))


def by_suffix(suffix: str) -> Language | None:
    """The language of a file, by ``.c``, ``.wat``…"""
    return next((found for found in languages().values() if found.suffix == suffix), None)
