"""Imports and exports of a compiled component, as ``program`` describes them.

Runs in the compiler's child: Wasmtime's reflection is asked, and whatever it has no name for is "?".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hypercell.vmm.program import ExportType, ImportType

if TYPE_CHECKING:
    import wasmtime
    from wasmtime.component import Component

_MAX_ITEMS = 10_000
_SIMPLE = frozenset(
    {"Bool", "S8", "S16", "S32", "S64", "U8", "U16", "U32", "U64", "F32", "F64", "Char", "String"}
)


def read(
    component: Component, engine: wasmtime.Engine
) -> tuple[tuple[ImportType, ...], tuple[ExportType, ...]]:
    """Imports, one an interface; exports: functions, named ``interface#function`` or plainly."""
    ty = component.type
    imports = tuple(
        ImportType(name, "", _kind(item)) for name, item in ty.imports(engine).items()
    )
    return imports, tuple(_exports(ty.exports(engine), engine))


def _exports(items: dict[str, object], engine: wasmtime.Engine) -> Iterator[ExportType]:
    count = 0
    for name, item in items.items():
        inner = item.exports(engine) if _kind(item) == "instance" else {"": item}  # type: ignore[attr-defined]
        for function, of in inner.items():
            count += 1
            if count > _MAX_ITEMS:
                return
            path = f"{name}#{function}" if function else name
            if _kind(of) == "func":
                params = tuple(_type(kind) for _, kind in of.params)
                result = of.result
                yield ExportType(path, "func", params, () if result is None else (_type(result),))
            else:
                yield ExportType(path, _kind(of))


def _kind(item: object) -> str:
    kinds = {"FuncType": "func", "ComponentInstanceType": "instance", "ModuleType": "module"}
    return kinds.get(type(item).__name__, "type")


def _type(kind: object) -> str:
    name = type(kind).__name__
    if name in _SIMPLE:
        return name.lower()
    if name == "ResultType":
        ok, err = (getattr(kind, field, None) for field in ("ok", "err"))
        inner = ", ".join("_" if part is None else _type(part) for part in (ok, err))
        return "result" if ok is None and err is None else f"result<{inner}>"
    return name.removesuffix("Type").lower() or "?"
