"""Python values to WebAssembly values and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.vmm.errors import InvokeError
from hypercell.vmm.outcome import ValType, Value
from hypercell.vmm.program import ExportType
from hypercell.vmm.typed_values import signature, to_python, to_wasm


def round_trip(kind, value):
    (made,) = to_wasm(ExportType("f", "func", (kind,)), [value])
    return to_python(made)


@given(st.integers(-(1 << 31), (1 << 32) - 1))
def test_i32_wraps_to_signed(value):
    assert (round_trip("i32", value) - value) % (1 << 32) == 0
    assert -(1 << 31) <= round_trip("i32", value) < 1 << 31


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_i64(value):
    assert round_trip("i64", value) == value


@given(st.floats(allow_nan=False))
def test_f64(value):
    assert round_trip("f64", value) == value


def test_f32():
    assert round_trip("f32", 1.5) == 1.5
    assert math.isnan(round_trip("f32", math.nan))
    assert round_trip("f32", math.inf) == math.inf
    assert round_trip("f32", 3) == 3.0


def test_v128_takes_an_integer_or_16_bytes():
    assert round_trip("v128", bytes(range(16))) == int.from_bytes(bytes(range(16)), "little")
    assert round_trip("v128", (1 << 128) - 1) == (1 << 128) - 1


def test_references():
    assert round_trip("externref", None) is None
    assert round_trip("externref", 5) == 5
    assert to_python(Value(ValType.FUNCREF, 0)) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("i32", 1 << 32),
        ("i32", -(1 << 31) - 1),
        ("i32", 1.0),
        ("i32", "1"),
        ("i64", None),
        ("f32", 1e300),
        ("f64", "x"),
        ("v128", b"short"),
        ("(ref 3)", 1),
    ],
)
def test_what_does_not_fit_is_named(kind, value):
    with pytest.raises(InvokeError, match="argument 1 of f"):
        to_wasm(ExportType("f", "func", (kind,)), [value])


def test_the_number_of_arguments_is_checked():
    export = ExportType("add", "func", ("i32", "i32"), ("i32",))
    assert signature(export) == "add(i32, i32) -> i32"
    with pytest.raises(InvokeError, match="takes 2 arguments, 1 were given"):
        to_wasm(export, [1])
    with pytest.raises(InvokeError, match="is a memory"):
        to_wasm(ExportType("m", "memory"), [])


@pytest.mark.parametrize("value", [1 << 100_000, b"x" * 1_000_000], ids=["number", "bytes"])
def test_an_error_about_a_huge_value_is_short(value):
    with pytest.raises(InvokeError) as caught:
        to_wasm(ExportType("f", "func", ("i32",)), [value])
    assert len(str(caught.value)) < 300
