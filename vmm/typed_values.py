"""Python values to WebAssembly values and back, by the types of an export."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from hypercell.vmm.errors import InvokeError
from hypercell.vmm.outcome import ValType, Value
from hypercell.vmm.program import ExportType

PyValue = int | float | bytes | None
_WIDTH = {"i32": 32, "i64": 64, "v128": 128}
_LONGEST = 100  # characters of a value in an error
_FLOAT = {"f32": "<f", "f64": "<d"}


def to_wasm(export: ExportType, given: Sequence[PyValue]) -> tuple[Value, ...]:
    """Arguments of an export. Raises ``InvokeError`` with the signature."""
    if export.kind != "func":
        raise InvokeError(f"{export.name!r} is a {export.kind}, not a function")
    if len(given) != len(export.params):
        raise InvokeError(
            f"{signature(export)} takes {len(export.params)} arguments, {len(given)} were given"
        )
    return tuple(
        _argument(export, index, kind, value)
        for index, (kind, value) in enumerate(zip(export.params, given, strict=True), 1)
    )


def to_python(value: Value) -> PyValue:
    """Integers are signed (v128 is not), references are handles, null is None."""
    kind = value.type.value
    if kind in ("i32", "i64"):
        width = _WIDTH[kind]
        bits = value.bits & ((1 << width) - 1)
        return bits - (1 << width) if bits >> (width - 1) else bits
    if kind in _FLOAT:
        size = struct.calcsize(_FLOAT[kind])
        data = (value.bits & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        return float(struct.unpack(_FLOAT[kind], data)[0])
    if kind == "v128":
        return value.bits
    return value.bits or None


def signature(export: ExportType) -> str:
    """As in ``add(i32, i32) -> i32``."""
    results = f" -> {', '.join(export.results)}" if export.results else ""
    return f"{export.name}({', '.join(export.params)}){results}"


def _argument(export: ExportType, index: int, kind: str, value: PyValue) -> Value:
    try:
        return _convert(kind, value)
    except (OverflowError, ValueError, TypeError, struct.error) as error:
        reason = str(error) or type(error).__name__
        raise InvokeError(
            f"argument {index} of {signature(export)} cannot be {_shown(value)}: {reason}"
        ) from None


def _shown(value: PyValue) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no integers of more than 4300 digits
        return "so large a number"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _convert(kind: str, value: PyValue) -> Value:
    if kind in _WIDTH:
        return Value(ValType(kind), _integer(_WIDTH[kind], value))
    if kind in _FLOAT:
        if not isinstance(value, int | float):
            raise TypeError("a number is needed")
        number = float(value)
        data = struct.pack(_FLOAT[kind], number)  # OverflowError: too large for an f32
        if math.isnan(number):
            data = struct.pack(_FLOAT[kind], math.nan)
        return Value(ValType(kind), int.from_bytes(data, "little"))
    if kind in ("funcref", "externref", "anyref", "exnref"):
        if value is None:
            return Value(ValType(kind), 0)
        return Value(ValType(kind), _integer(64, value))
    raise TypeError(f"values of type {kind} cannot be given")


def _integer(width: int, value: PyValue) -> int:
    if width == 128 and isinstance(value, bytes):
        if len(value) != 16:
            raise ValueError("16 bytes are needed")
        return int.from_bytes(value, "little")
    if isinstance(value, float) or not isinstance(value, int):
        raise TypeError("an integer is needed")
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise OverflowError(f"it does not fit {width} bits")
    return value & ((1 << width) - 1)
