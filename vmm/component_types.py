"""Imports and exports of a compiled component, as ``program`` describes them.

Runs in the compiler's child, which may die of it: Wasmtime's reflection is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from wasmtime import component as wc

from hypercell.vmm.program import ExportType, ImportType

if TYPE_CHECKING:
    import wasmtime

_MAX_EXPORTS = 10_000


def read(
    component: wc.Component, engine: wasmtime.Engine
) -> tuple[tuple[ImportType, ...], tuple[ExportType, ...]]:
    """Imports, one an interface; exports: functions, named ``interface#function`` or plainly."""
    ty = component.type
    imports = tuple(
        ImportType(name, "", "instance" if isinstance(item, wc.ComponentInstanceType) else "other")
        for name, item in ty.imports(engine).items()
    )
    exports = tuple(_functions(ty.exports(engine), engine))
    return imports, exports[:_MAX_EXPORTS]


def _functions(
    items: Mapping[str, wc.ComponentItem], engine: wasmtime.Engine
) -> Iterator[ExportType]:
    for name, item in items.items():
        if isinstance(item, wc.FuncType):
            yield _function(name, item)
        elif isinstance(item, wc.ComponentInstanceType):
            for inner, of in item.exports(engine).items():
                if isinstance(of, wc.FuncType):
                    yield _function(f"{name}#{inner}", of)


def _function(name: str, ty: wc.FuncType) -> ExportType:
    result = ty.result
    params = tuple(_type(kind) for _, kind in ty.params)
    return ExportType(name, "func", params, () if result is None else (_type(result),))


def _type(kind: wc.ValType) -> str:
    name = type(kind).__name__.removesuffix("Type").lower()
    if not isinstance(kind, wc.ResultType):
        return name
    parts = ["_" if part is None else _type(part) for part in (kind.ok, kind.err)]
    return "result" if parts == ["_", "_"] else f"result<{', '.join(parts)}>"
