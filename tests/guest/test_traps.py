"""Traps, uncaught exceptions and exhaustion: code, message, frames; the machine goes on."""

import pytest
from guest_vm import i32

from hypercell.vmm import abi
from hypercell.vmm.commands import Ok, Trapped

TRAPS = """(module $traps
  (type $nothing (func))
  (type $point (struct (field i32)))
  (type $list (array i32))
  (memory 1)
  (table 4 funcref)
  (elem (i32.const 1) $wrong)
  (tag $tag (param i32))
  (func $wrong (param i32))
  (func (export "unreachable") unreachable)
  (func (export "memory") (drop (i32.load (i32.const 65533))))
  (func (export "far memory") (i64.store offset=0xffffffff (i32.const -1) (i64.const 0)))
  (func (export "table") (drop (table.get (i32.const 4))))
  (func (export "null call") (call_indirect (type $nothing) (i32.const 0)))
  (func (export "signature") (call_indirect (type $nothing) (i32.const 1)))
  (func (export "overflow")
    (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
  (func (export "division") (drop (i32.rem_u (i32.const 1) (i32.const 0))))
  (func (export "conversion") (drop (i32.trunc_f32_s (f32.const nan))))
  (func $deep (export "stack") (call $deep))
  (func (export "null") (drop (struct.get $point 0 (ref.null $point))))
  (func (export "array")
    (drop (array.get $list (array.new_default $list (i32.const 2)) (i32.const 2))))
  (func (export "cast") (drop (ref.cast (ref struct) (ref.i31 (i32.const 1)))))
  (func (export "exception") (throw $tag (i32.const 1)))
  (func (export "copy") (memory.copy (i32.const 0) (i32.const 1) (i32.const 65536)))
  (func (export "answer") (result i32) i32.const 42))"""

KINDS = {
    "unreachable": abi.TRAP_UNREACHABLE,
    "memory": abi.TRAP_MEMORY_OUT_OF_BOUNDS,
    "far memory": abi.TRAP_MEMORY_OUT_OF_BOUNDS,
    "copy": abi.TRAP_MEMORY_OUT_OF_BOUNDS,
    "table": abi.TRAP_TABLE_OUT_OF_BOUNDS,
    "null call": abi.TRAP_INDIRECT_CALL_TO_NULL,
    "signature": abi.TRAP_BAD_SIGNATURE,
    "overflow": abi.TRAP_INTEGER_OVERFLOW,
    "division": abi.TRAP_INTEGER_DIVISION_BY_ZERO,
    "conversion": abi.TRAP_BAD_CONVERSION_TO_INTEGER,
    "stack": abi.TRAP_STACK_OVERFLOW,
    "null": abi.TRAP_NULL_REFERENCE,
    "array": abi.TRAP_ARRAY_OUT_OF_BOUNDS,
    "cast": abi.TRAP_CAST_FAILURE,
    "exception": abi.TRAP_UNCAUGHT_EXCEPTION,
}


@pytest.mark.parametrize(("export", "code"), KINDS.items())
def test_a_trap_has_its_code_and_the_machine_goes_on(vm, export, code):
    instance = vm.instantiate(TRAPS)
    for _ in range(2):
        reply = vm.call(instance, export)
        assert isinstance(reply, Trapped), reply
        assert reply.code == code
        assert reply.message
    assert vm.values(instance, "answer") == [42]


def test_frames_are_named_innermost_first(vm):
    instance = vm.instantiate(
        """(module $shop
          (func $inner (param i32) (drop (i32.div_u (i32.const 1) (local.get 0))))
          (func $outer (export "run") (param i32) (call $inner (local.get 0))))"""
    )
    reply = vm.call(instance, "run", i32(0))
    assert [(f.module, f.index, f.name) for f in reply.frames] == [
        ("shop", 0, "inner"),
        ("shop", 1, "outer"),
    ]
    assert 0 < reply.frames[0].offset < reply.frames[1].offset < 0x100
    assert isinstance(vm.call(instance, "run", i32(1)), Ok)


def test_a_thousand_traps_leak_nothing(vm):
    instance = vm.instantiate(TRAPS)
    kinds = list(KINDS)
    for index in range(1000):
        reply = vm.call(instance, kinds[index % len(kinds)])
        assert isinstance(reply, Trapped)
    assert vm.values(instance, "answer") == [42]


def test_a_wild_function_name_is_cut(vm):
    name = "n" * 500_000
    instance = vm.instantiate(f'(module (func ${name} (export "run") unreachable))')
    reply = vm.call(instance, "run")
    assert reply.frames[0].name == "n" * 1024


def test_caught_exceptions_are_no_traps(vm):
    instance = vm.instantiate(
        """(module
          (tag $tag (param i32))
          (func $throws (param i32) (throw $tag (local.get 0)))
          (func (export "run") (param i32) (result i32)
            (block $caught (result i32)
              (try_table (catch $tag $caught) (call $throws (local.get 0)))
              (i32.const 0))))"""
    )
    assert vm.values(instance, "run", i32(31)) == [31]
