"""Values of a spec script: from its JSON to ours, and whether a result is the one expected."""

from __future__ import annotations

from typing import Any

from hypercell.vmm import abi
from hypercell.vmm.outcome import ValType, Value

LANES = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}
# (bits of the payload's quiet bit and above, all exponent bits)
QUIET = {32: 0x7FC0_0000, 64: 0x7FF8_0000_0000_0000}
MASK = {bits: (1 << bits) - 1 for bits in (8, 16, 32, 64)}


KIND_OF = {"i31ref": (abi.REF_I31,), "structref": (abi.REF_STRUCT,), "arrayref": (abi.REF_ARRAY,)}
KIND_OF["eqref"] = (abi.REF_I31, abi.REF_STRUCT, abi.REF_ARRAY)
REFERENCES = {
    "funcref": ValType.FUNCREF,
    "externref": ValType.EXTERNREF,
    "anyref": ValType.ANYREF,
    "exnref": ValType.EXNREF,
}


def argument(spec: dict[str, Any]) -> Value:
    """The value that a script passes."""
    kind, value = spec["type"], spec.get("value")
    if kind == "v128":
        bits, width = 0, LANES[spec["lane_type"]]
        for lane, text in enumerate(value):
            bits |= (int(text) & MASK[width]) << (lane * width)
        return Value(ValType.V128, bits)
    if kind in REFERENCES:
        if value == "null":
            return Value(REFERENCES[kind], 0)
        host = int(value) + 1
        return Value(REFERENCES[kind], host | (abi.REF_HOST << 64) if kind == "anyref" else host)
    return Value(ValType(kind), int(value) & MASK[LANES[kind]])


def _lane_matches(text: str, bits: int, width: int) -> bool:
    if text == "nan:canonical":
        return bits & (MASK[width] >> 1) == QUIET[width]
    if text == "nan:arithmetic":
        return bits & QUIET[width] == QUIET[width]
    return bits == int(text) & MASK[width]


def matches(spec: dict[str, Any], got: Value) -> bool:
    """Whether ``got`` is what the script expects, NaN patterns and reference kinds included."""
    kind, value = spec["type"], spec.get("value")
    if kind == "either":
        return any(matches(one, got) for one in spec["values"])
    if kind == "v128":
        width = LANES[spec["lane_type"]]
        return got.type is ValType.V128 and all(
            _lane_matches(text, got.bits >> (lane * width) & MASK[width], width)
            for lane, text in enumerate(value)
        )
    if kind in LANES:
        return got.type is ValType(kind) and _lane_matches(value, got.bits, LANES[kind])
    if kind.startswith("null") or kind == "refnull" or value == "null":
        return got.type in REFERENCES.values() and got.bits == 0
    if kind in KIND_OF:
        return got.type is ValType.ANYREF and got.bits >> 64 in KIND_OF[kind]
    if got.type is not REFERENCES[kind] or not got.bits:
        return False
    return value is None or got == argument(spec)
