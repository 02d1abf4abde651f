"""What a program gives back: values, frames, use of resources."""

from __future__ import annotations

from enum import Enum

import msgspec


class ValType(Enum):
    """The type of a WebAssembly value, by the name the text format uses."""

    I32 = "i32"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    V128 = "v128"
    FUNCREF = "funcref"
    EXTERNREF = "externref"
    ANYREF = "anyref"
    EXNREF = "exnref"


class Value(msgspec.Struct, frozen=True):
    """A typed value as its bits: floats keep their NaN payload, integers are unsigned.

    A reference is a handle of its VM; for externref the host's number + 1; 0 is null.
    """

    type: ValType
    bits: int


class Frame(msgspec.Struct, frozen=True):
    """One Wasm function on the stack of a trap. ``offset``: into the module's bytes."""

    module: str
    index: int
    name: str
    offset: int


class Usage(msgspec.Struct, frozen=True):
    """What a program used. Times in seconds, sizes in bytes."""

    wall: float = 0.0
    heap: int = 0
    linear_memory: int = 0
    output: int = 0
    refused_grows: int = 0
