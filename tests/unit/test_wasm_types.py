"""Imports and exports, read from the bytes of a module."""

import contextlib

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from hypercell.vmm import wasm_types
from hypercell.vmm.program import ExportType, ImportType

WAT = r"""
(module
  (type $pair (struct (field i32) (field (mut i8))))
  (rec (type $a (array (ref null $b))) (type $b (sub (struct (field (ref null $a))))))
  (type $f (func (param i32 v128) (result f64 externref)))
  (import "env" "log" (func $log (type $f)))
  (import "env" "mem" (memory 1 2))
  (import "env" "g" (global i64))
  (import "env" "t" (table 1 funcref))
  (import "env" "e" (tag (param i32)))
  (table $own 2 5 (ref null func))
  (table $set 3 3 (ref $sig) (ref.func $make))
  (type $sig (func (param (ref null $pair) anyref) (result (ref func))))
  (global $neg (mut i64) (i64.const -5))
  (global $vec v128 (v128.const i64x2 1 2))
  (global $last f32 (f32.const 1))
  (func $make (type $sig) unreachable)
  (func $plain)
  (tag $oops (param i64))
  (memory $big i64 3)
  (elem declare func $make)
  (export "log" (func $log))
  (export "make" (func $make))
  (export "plain" (func $plain))
  (export "neg" (global $neg))
  (export "vec" (global $vec))
  (export "last" (global $last))
  (export "own" (table $own))
  (export "set" (table $set))
  (export "oops" (tag $oops))
  (export "e" (tag 0))
  (export "big" (memory $big))
  (export "mem" (memory 0)))
"""


def test_all_kinds_with_their_types():
    imports, exports = wasm_types.read(bytes(wasmtime.wat2wasm(WAT)))
    assert imports == (
        ImportType("env", "log", "func"),
        ImportType("env", "mem", "memory"),
        ImportType("env", "g", "global"),
        ImportType("env", "t", "table"),
        ImportType("env", "e", "tag"),
    )
    assert exports == (
        ExportType("log", "func", ("i32", "v128"), ("f64", "externref")),
        ExportType("make", "func", ("(ref null 0)", "anyref"), ("(ref func)",)),
        ExportType("plain", "func"),
        ExportType("neg", "global", detail="mut i64"),
        ExportType("vec", "global", detail="v128"),
        ExportType("last", "global", detail="f32"),
        ExportType("own", "table", detail="2..5 funcref"),
        ExportType("set", "table", detail="3..3 (ref 4)"),
        ExportType("oops", "tag", ("i64",)),
        ExportType("e", "tag", ("i32",)),
        ExportType("big", "memory", detail="i64 3.."),
        ExportType("mem", "memory", detail="1..2"),
    )


def test_an_empty_module():
    assert wasm_types.read(b"\0asm\1\0\0\0") == ((), ())


@given(st.binary(max_size=200))
def test_garbage_is_a_value_error_and_nothing_else(data):
    with contextlib.suppress(ValueError):
        wasm_types.read(b"\0asm\1\0\0\0" + data)


@pytest.mark.parametrize("size", range(8, 200, 7))
def test_a_cut_module_is_a_value_error_or_less(size):
    wasm = bytes(wasmtime.wat2wasm(WAT))
    with contextlib.suppress(ValueError):
        wasm_types.read(wasm[:size])
