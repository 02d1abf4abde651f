"""Arguments and results of --invoke."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.kernel.calls import call_line, find_function, show_value, signature, typed_arguments
from hypercell.kernel.options import Invocation
from hypercell.vmm.errors import InvokeError
from hypercell.vmm.outcome import ValType, Value
from hypercell.vmm.program import ExportType

ADD = ExportType("add", "func", ("i32", "i32"), ("i32",))
MEMORY = ExportType("memory", "memory", detail="1..4")


def value(kind: str, word: str) -> Value:
    export = ExportType("f", "func", (kind,))
    return typed_arguments(export, Invocation("f", (word,)))[0]


@pytest.mark.parametrize(
    ("kind", "word", "bits"),
    [
        ("i32", "5", 5),
        ("i32", "-1", 0xFFFF_FFFF),
        ("i32", "0xff", 255),
        ("i32", "1_000", 1000),
        ("i32", "4294967295", 0xFFFF_FFFF),
        ("i64", "-9223372036854775808", 1 << 63),
        ("f32", "1.5", 0x3FC0_0000),
        ("f32", "0x1.8p0", 0x3FC0_0000),
        ("f32", "-inf", 0xFF80_0000),
        ("f32", "nan", 0x7FC0_0000),
        ("f32", "-nan:0x1", 0xFF80_0001),
        ("f64", "-0.0", 1 << 63),
        ("v128", "0x1", 1),
        ("externref", "null", 0),
        ("externref", "7", 8),
        ("funcref", "null", 0),
    ],
)
def test_arguments(kind: str, word: str, bits: int) -> None:
    assert value(kind, word) == Value(ValType(kind), bits)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("i32", "1.5"),
        ("i32", "4294967296"),
        ("i32", "-2147483649"),
        ("i32", "x"),
        ("i32", ""),
        ("i32", "٣"),
        ("i64", "1" * 5000),
        ("f32", "1e40"),
        ("f64", "one"),
        ("f64", "nan:0x0"),
        ("v128", "-1"),
        ("v128", hex(1 << 128)),
        ("funcref", "1"),
        ("externref", "-1"),
        ("(ref 3)", "null"),
    ],
)
def test_wrong_arguments(kind: str, word: str) -> None:
    with pytest.raises(InvokeError) as caught:
        value(kind, word)
    assert "argument 1 of f" in caught.value.message
    assert caught.value.hint


def test_wrong_number_of_arguments_and_wrong_names() -> None:
    with pytest.raises(InvokeError, match="takes 2 values, but 1 given"):
        typed_arguments(ADD, Invocation("add", ("1",)))
    with pytest.raises(InvokeError) as caught:
        find_function([ADD, MEMORY], "ad")
    assert "did you mean add?" in caught.value.hint
    with pytest.raises(InvokeError, match="is an exported memory"):
        find_function([ADD, MEMORY], "memory")
    with pytest.raises(InvokeError, match="no function"):
        find_function([], "x\x1b[2J")


def test_lines() -> None:
    i32 = Value(ValType.I32, 5)
    assert call_line(Invocation("add", ("2", "3")), [i32]) == "add(2, 3) = 5 : i32"
    assert call_line(Invocation("f"), []) == "f()  (no result)"
    assert call_line(Invocation("f"), [i32, i32]) == "f() = (5, 5) : (i32, i32)"
    assert signature(ADD) == "add(i32, i32) -> i32"
    assert signature(ExportType("f", "func", (), ("i32", "i64"))) == "f() -> (i32, i64)"


def test_values() -> None:
    assert show_value(Value(ValType.I32, 0xFFFF_FFFF)) == "-1"
    assert show_value(Value(ValType.F32, 0x3DCC_CCCD)) == "0.1"
    assert show_value(Value(ValType.F32, 0x7F7F_FFFF)) == "3.4028235e+38"
    assert show_value(Value(ValType.F64, 0x7FF8_0000_0000_0001)) == "nan:0x8000000000001"
    assert show_value(Value(ValType.V128, 1)).endswith("01 (i32x4 1 0 0 0)")
    assert show_value(Value(ValType.EXTERNREF, 8)) == "externref 7"
    assert show_value(Value(ValType.FUNCREF, 0)) == "null"


@given(st.integers(0, (1 << 32) - 1))
def test_every_f32_is_shown_so_that_it_can_be_read_again(bits: int) -> None:
    shown = show_value(Value(ValType.F32, bits))
    assert value("f32", shown).bits == bits


@given(st.integers(0, (1 << 64) - 1))
def test_every_f64_and_i64_too(bits: int) -> None:
    for kind in (ValType.F64, ValType.I64):
        assert value(kind.value, show_value(Value(kind, bits))).bits == bits
