"""``--invoke add 2 3``: words into typed values by the export's type, results into text."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence

from hypercell.kernel.options import Invocation
from hypercell.kernel.safe_text import safe_name, safe_text
from hypercell.kernel.suggest import did_you_mean
from hypercell.vmm.commands import Ok
from hypercell.vmm.errors import InvokeError
from hypercell.vmm.outcome import ValType, Value
from hypercell.vmm.program import ExportType

_INTEGER = re.compile(r"[+-]?(0x[0-9a-f]+|[0-9]+)", re.IGNORECASE | re.ASCII)
_NAN = re.compile(r"([+-]?)nan(?::0x([0-9a-f]+))?", re.IGNORECASE | re.ASCII)
_FLOATS = {ValType.F32: ("<f", 4, 23), ValType.F64: ("<d", 8, 52)}
_INTEGERS = {ValType.I32: 32, ValType.I64: 64}
_REFERENCES = (ValType.FUNCREF, ValType.EXTERNREF, ValType.ANYREF, ValType.EXNREF)


def find_function(exports: Sequence[ExportType], name: str) -> ExportType:
    """The exported function of that name; InvokeError names the ones there are."""
    functions = {export.name: export for export in exports if export.kind == "func"}
    if name in functions:
        return functions[name]
    for export in exports:
        if export.name == name:
            raise InvokeError(
                f"{safe_name(name)} is an exported {export.kind}, not a function",
                hint=did_you_mean(name, map(safe_name, functions), what="functions"),
            )
    known = [safe_name(function) for function in functions]
    hint = did_you_mean(name, known, what="exported functions") if known else "it exports none"
    raise InvokeError(f"the module exports no function {safe_name(name)}", hint=hint)


def typed_arguments(export: ExportType, call: Invocation) -> tuple[Value, ...]:
    """The words of ``call`` as values. InvokeError: too few or many, or no value of the type."""
    if len(call.args) != len(export.params):
        wanted = len(export.params)
        raise InvokeError(
            f"{signature(export)} takes {wanted} value{'s' * (wanted != 1)}, "
            f"but {len(call.args)} given",
            hint=" ".join(["--invoke", safe_name(export.name), *export.params]),
        )
    return tuple(
        _parse(kind, word, f"argument {number} of {safe_name(export.name)}")
        for number, (kind, word) in enumerate(zip(export.params, call.args, strict=True), 1)
    )


def text_arguments(export: ExportType, call: Invocation) -> tuple[str, ...]:
    """The words of ``call`` for a component's function, which has to take strings."""
    if len(call.args) != len(export.params) or any(kind != "string" for kind in export.params):
        raise InvokeError(
            f"{signature(export)} cannot be called with {len(call.args)} strings",
            hint="of a component, functions that take and give strings can be called",
        )
    return call.args


def text_line(call: Invocation, reply: Ok) -> str:
    """``greet(Ada) = 'hello'``; for the error of a ``result``: ``greet(Ada) = error 'why'``."""
    head = f"{safe_name(call.export)}({', '.join(map(safe_name, call.args))})"
    return f"{head} = {'' if reply.number else 'error '}{safe_text(repr(reply.text))}"


def signature(export: ExportType) -> str:
    """``add(i32, i32) -> i32``"""
    results = ", ".join(export.results)
    if len(export.results) != 1:
        results = f"({results})"
    arrow = f" -> {results}" if export.results else ""
    return f"{safe_name(export.name)}({', '.join(export.params)}){arrow}"


def call_line(call: Invocation, values: Sequence[Value]) -> str:
    """``add(2, 3) = 5 : i32``; several results in parentheses; none: ``run()  (no result)``."""
    head = f"{safe_name(call.export)}({', '.join(map(safe_name, call.args))})"
    if not values:
        return f"{head}  (no result)"
    shown = ", ".join(map(show_value, values))
    kinds = ", ".join(value.type.value for value in values)
    return f"{head} = {shown} : {kinds}" if len(values) == 1 else f"{head} = ({shown}) : ({kinds})"


def show_value(value: Value) -> str:
    """A value as the text format would write it; integers signed, v128 as four i32 as well."""
    if value.type in _INTEGERS:
        bits = _INTEGERS[value.type]
        return str(value.bits - (1 << bits) if value.bits >> (bits - 1) else value.bits)
    if value.type in _FLOATS:
        return _show_float(value)
    if value.type is ValType.V128:
        lanes = struct.unpack("<4i", value.bits.to_bytes(16, "little"))
        return f"{value.bits:#034x} (i32x4 {' '.join(map(str, lanes))})"
    if value.bits == 0:
        return "null"
    number = value.bits - 1 if value.type is ValType.EXTERNREF else value.bits
    return f"{value.type.value} {number}"


def _parse(kind: str, word: str, where: str) -> Value:
    try:
        known = ValType(kind)
    except ValueError:
        raise InvokeError(
            f"{where} is a {kind}; such a value cannot be written in a magic",
            hint="call it from another function of the module",
        ) from None
    value = _parse_known(known, word.strip().replace("_", ""))
    if value is None:
        raise InvokeError(f"{where}: {safe_name(word, 60)!r} is no {kind}", hint=_EXAMPLES[known])
    return value


_EXAMPLES = {
    ValType.I32: "an integer from -2147483648 to 4294967295, or hexadecimal like 0xff",
    ValType.I64: "an integer of 64 bits, or hexadecimal like 0xff",
    ValType.F32: "like 1.5, 1e-3, 0x1.8p0, inf or nan",
    ValType.F64: "like 1.5, 1e-3, 0x1.8p0, inf or nan",
    ValType.V128: "128 bits in hexadecimal, like 0x00000004000000030000000200000001",
    ValType.EXTERNREF: "null, or a number that stands for a host object",
    ValType.FUNCREF: "only null can be written",
    ValType.ANYREF: "only null can be written",
    ValType.EXNREF: "only null can be written",
}


def _parse_known(kind: ValType, word: str) -> Value | None:
    if kind in _INTEGERS:
        bits = _INTEGERS[kind]
        number = _integer(word)
        if number is None or not -(1 << (bits - 1)) <= number < 1 << bits:
            return None
        return Value(kind, number & ((1 << bits) - 1))
    if kind in _FLOATS:
        return _parse_float(kind, word)
    if kind is ValType.V128:
        number = _integer(word)
        return Value(kind, number) if number is not None and 0 <= number < 1 << 128 else None
    if word == "null":
        return Value(kind, 0)
    number = _integer(word)
    if kind is ValType.EXTERNREF and number is not None and 0 <= number < 1 << 32:
        return Value(kind, number + 1)
    return None


def _integer(word: str) -> int | None:
    if not _INTEGER.fullmatch(word) or len(word) > 50:
        return None
    return int(word, 16 if "x" in word.lower() else 10)


def _parse_float(kind: ValType, word: str) -> Value | None:
    layout, size, mantissa = _FLOATS[kind]
    if match := _NAN.fullmatch(word):
        payload = int(match[2], 16) if match[2] else 1 << (mantissa - 1)
        if not 0 < payload < 1 << mantissa:
            return None
        exponent = ((1 << (size * 8 - 1 - mantissa)) - 1) << mantissa
        sign = (match[1] == "-") << (size * 8 - 1)
        return Value(kind, sign | exponent | payload)
    try:
        number = float.fromhex(word) if "0x" in word.lower() else float(word)
        packed = struct.pack(layout, number)
    except (ValueError, OverflowError):
        return None
    return Value(kind, int.from_bytes(packed, "little"))


def _show_float(value: Value) -> str:
    layout, size, mantissa = _FLOATS[value.type]
    number = struct.unpack(layout, value.bits.to_bytes(size, "little"))[0]
    if math.isnan(number):
        payload = value.bits & ((1 << mantissa) - 1)
        sign = "-" if value.bits >> (size * 8 - 1) else ""
        return f"{sign}nan" + (f":{payload:#x}" if payload != 1 << (mantissa - 1) else "")
    if value.type is ValType.F64 or math.isinf(number):
        return repr(number)
    for digits in range(1, 10):  # the shortest decimal that is this f32
        text = repr(float(f"{number:.{digits}g}"))
        try:
            if struct.pack("<f", float(text)) == struct.pack("<f", number):
                return text
        except OverflowError:  # rounded up beyond the largest f32
            continue
    return repr(number)
