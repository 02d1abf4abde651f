"""Invoke, globals, memories: typed values go in and come out as their bits."""

import pytest
from guest_vm import i32, i64

from hypercell.vmm import abi
from hypercell.vmm.commands import (
    Failed,
    GlobalGet,
    GlobalSet,
    Invoke,
    MemoryRead,
    MemoryWrite,
    Ok,
)
from hypercell.vmm.outcome import ValType, Value

SAME = """(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "v128") (param v128) (result v128) local.get 0)
  (func (export "externref") (param externref) (result externref) local.get 0)
  (func (export "funcref") (param funcref) (result funcref) local.get 0)
  (func (export "anyref") (param anyref) (result anyref) local.get 0)
  (func (export "exnref") (param exnref) (result exnref) local.get 0))"""


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        ("i32", 0),
        ("i32", 0xFFFF_FFFF),
        ("i64", 0x8000_0000_0000_0000),
        ("f32", 0x7FA0_0001),  # a signalling NaN
        ("f64", 0xFFF4_0000_0000_0001),
        ("v128", 0x0123_4567_89AB_CDEF_0F1E_2D3C_4B5A_6978),
        ("externref", 0),
        ("externref", 1),
        ("externref", 0xFFFF_FFFF_FFFF),
        ("funcref", 0),
        ("anyref", 0),
        ("exnref", 0),
    ],
)
def test_a_value_comes_back_bit_for_bit(vm, kind, bits):
    value = Value(ValType(kind), bits)
    instance = vm.instantiate(SAME)
    assert vm.call(instance, kind, value) == Ok(values=(value,))


REFERENCES = """(module
  (type $pair (struct (field i32) (field i32)))
  (type $list (array i32))
  (type $binary (func (param i32 i32) (result i32)))
  (tag $tag (param i32))
  (func $sub (export "sub") (type $binary) local.get 0 local.get 1 i32.sub)
  (func (export "a function") (result funcref) ref.func $sub)
  (elem declare func $sub)
  (func (export "apply") (param funcref i32 i32) (result i32)
    local.get 1 local.get 2
    local.get 0 ref.cast (ref $binary) call_ref $binary)
  (func (export "a struct") (param i32 i32) (result anyref)
    local.get 0 local.get 1 struct.new $pair)
  (func (export "second") (param anyref) (result i32)
    local.get 0 ref.cast (ref $pair) struct.get $pair 1)
  (func (export "an array") (result anyref) i32.const 7 i32.const 3 array.new $list)
  (func (export "an i31") (result anyref) i32.const 9 ref.i31)
  (func (export "outside in") (param externref) (result anyref)
    local.get 0 any.convert_extern)
  (func (export "inside out") (param anyref) (result externref)
    local.get 0 extern.convert_any)
  (func (export "an exception") (param i32) (result exnref)
    (block $caught (result i32 exnref)
      (try_table (catch_ref $tag $caught) local.get 0 throw $tag)
      unreachable)
    (return))
  (func (export "again") (param exnref) (result i32)
    (block $caught (result i32)
      (try_table (catch $tag $caught) local.get 0 throw_ref)
      unreachable)))"""


@pytest.fixture
def references(vm):
    return vm.instantiate(REFERENCES)


def one(reply):
    assert isinstance(reply, Ok), reply
    (value,) = reply.values
    return value


def test_a_function_reference_can_be_given_back(vm, references):
    function = one(vm.call(references, "a function"))
    assert function.type is ValType.FUNCREF
    assert function.bits != 0
    assert vm.values(references, "apply", function, i32(9), i32(4)) == [5]


def test_a_struct_lives_on_between_commands(vm, references):
    struct = one(vm.call(references, "a struct", i32(3), i32(44)))
    assert struct.type is ValType.ANYREF
    assert struct.bits >> 64 == abi.REF_STRUCT
    for _ in range(3):
        assert vm.values(references, "second", struct) == [44]


def test_an_anyref_says_what_it_holds(vm, references):
    assert one(vm.call(references, "an array")).bits >> 64 == abi.REF_ARRAY
    assert one(vm.call(references, "an i31")).bits >> 64 == abi.REF_I31
    host = one(vm.call(references, "outside in", Value(ValType.EXTERNREF, 6)))
    assert host.bits == abi.REF_HOST << 64 | 6
    assert one(vm.call(references, "inside out", host)) == Value(ValType.EXTERNREF, 6)


def test_an_exception_reference_can_be_thrown_again(vm, references):
    exception = one(vm.call(references, "an exception", i32(77)))
    assert exception.type is ValType.EXNREF
    assert vm.values(references, "again", exception) == [77]


def test_an_unknown_reference_is_refused(vm, references):
    reply = vm.call(references, "second", Value(ValType.ANYREF, 12345))
    assert reply == Failed(abi.ST_ERROR, "there is no reference 12345")


def test_many_results_and_simd(vm):
    instance = vm.instantiate(
        """(module
          (func (export "many") (result i32 i64 f32 f64)
            i32.const 1 i64.const 2 f32.const 3 f64.const 4)
          (func (export "sum") (param v128) (result i32)
            local.get 0 local.get 0 i32x4.add i32x4.extract_lane 3))"""
    )
    assert vm.values(instance, "many") == [1, 2, 0x4040_0000, 0x4010_0000_0000_0000]
    assert vm.values(instance, "sum", Value(ValType.V128, 21 << 96)) == [42]


@pytest.mark.parametrize("arguments", [(), (i32(1),), (i32(1), i64(2)), (i32(1), i32(2), i32(3))])
def test_wrong_arguments_are_named(vm, references, arguments):
    reply = vm.run(Invoke(references, "sub", arguments))
    given = " ".join(value.type.value for value in arguments)
    assert reply == Failed(abi.ST_ERROR, f'function "sub" takes (i32 i32), not ({given})')


def test_a_missing_export_and_instance_are_named(vm, references):
    assert vm.call(references, "x") == Failed(abi.ST_ERROR, 'instance 0 has no export "x"')
    assert vm.call(9, "x") == Failed(abi.ST_ERROR, "there is no instance 9")


STATE = """(module
  (memory (export "memory") 1 4)
  (global (export "counter") (mut i64) (i64.const 5))
  (global (export "fixed") i32 (i32.const 6))
  (func (export "f") (result i64) (global.get 0))
  (func (export "byte") (param i32) (result i32) local.get 0 i32.load8_u))"""


def test_globals_are_read_and_written(vm):
    instance = vm.instantiate(STATE)
    assert vm.run(GlobalGet(instance, "counter")) == Ok(values=(i64(5),))
    assert isinstance(vm.run(GlobalSet(instance, "counter", i64(-1))), Ok)
    assert vm.values(instance, "f") == [0xFFFF_FFFF_FFFF_FFFF]


def test_a_constant_global_or_a_wrong_type_is_refused(vm):
    instance = vm.instantiate(STATE)
    for name, value in (("fixed", i32(1)), ("counter", i32(1))):
        reply = vm.run(GlobalSet(instance, name, value))
        assert isinstance(reply, Failed)
        assert reply.status == abi.ST_ERROR
    assert vm.run(GlobalGet(instance, "fixed")) == Ok(values=(i32(6),))
    reply = vm.run(GlobalGet(instance, "memory"))
    assert reply == Failed(abi.ST_ERROR, 'export "memory" of instance 0 is no global')


def test_memory_is_read_and_written(vm):
    instance = vm.instantiate(STATE)
    assert isinstance(vm.run(MemoryWrite(instance, "memory", 65530, b"abcdef")), Ok)
    assert vm.values(instance, "byte", i32(65535)) == [ord("f")]
    assert vm.run(MemoryRead(instance, "memory", 65529, 7)) == Ok(data=b"\0abcdef")
    assert vm.run(MemoryRead(instance, "memory", 65536, 0)) == Ok(data=b"")


@pytest.mark.parametrize("offset", [65531, 65537, 1 << 32, (1 << 64) - 3])
def test_memory_beyond_its_end_is_refused(vm, offset):
    instance = vm.instantiate(STATE)
    wrong = f"6 bytes at {offset}: the memory has 65536"
    assert vm.run(MemoryWrite(instance, "memory", offset, b"abcdef")) == Failed(abi.ST_ERROR, wrong)
    assert vm.run(MemoryRead(instance, "memory", offset, 6)) == Failed(abi.ST_ERROR, wrong)


def test_a_reply_that_does_not_fit_is_an_error(vm):
    instance = vm.instantiate('(module (memory (export "memory") 32))')
    reply = vm.run(MemoryRead(instance, "memory", 0, 1 << 20))
    assert isinstance(reply, Failed)
    assert "do not fit into a reply" in reply.message
    many = [MemoryRead(instance, "memory", 0, 300_000)] * 5
    replies = vm.send(*many)
    assert [type(reply) for reply in replies] == [Ok, Ok, Ok, Failed]


def test_a_batch_ends_at_its_first_failure(vm):
    instance = vm.instantiate(STATE)
    replies = vm.send(Invoke(instance, "f"), Invoke(instance, "nope"), Invoke(instance, "f"))
    assert [type(reply) for reply in replies] == [Ok, Failed]
