"""Several modules in one store, and what does not resolve."""

import pytest
from guest_vm import i32

from hypercell.vmm import abi
from hypercell.vmm.commands import Failed, Instantiate, Load, Ok, Register, Trapped

COUNTER = """(module
  (memory (export "memory") 1)
  (global $count (export "count") (mut i32) (i32.const 0))
  (table (export "table") 2 funcref)
  (elem (i32.const 0) $next)
  (func $next (export "next") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.get $count)))"""

USER = """(module
  (import "counter" "next" (func $next (result i32)))
  (import "counter" "memory" (memory 1))
  (import "counter" "count" (global $count (mut i32)))
  (import "counter" "table" (table 2 funcref))
  (type $t (func (result i32)))
  (func (export "twice") (result i32) (drop (call $next)) (call $next))
  (func (export "by table") (result i32) (call_indirect (type $t) (i32.const 0)))
  (func (export "store") (i32.store8 (i32.const 9) (global.get $count)))
  (func (export "load") (result i32) (i32.load8_u (i32.const 9))))"""


def refused(vm, wasm):
    module = vm.run(Load(vm.map_code(wasm))).number
    reply = vm.run(Instantiate(module))
    assert isinstance(reply, Failed), reply
    return reply


def test_instances_share_functions_memories_globals_and_tables(vm):
    counter = vm.instantiate(COUNTER, "counter")
    one, two = vm.instantiate(USER), vm.instantiate(USER)
    assert vm.values(one, "twice") == [2]
    assert vm.values(two, "by table") == [3]
    assert vm.values(counter, "next") == [4]
    assert isinstance(vm.call(one, "store"), Ok)
    assert vm.values(two, "load") == [4]


def test_an_instance_can_be_named_later_and_a_name_moved(vm):
    vm.instantiate(COUNTER, "counter")
    vm.values(vm.instantiate(USER), "twice")
    fresh = vm.instantiate(COUNTER)
    assert isinstance(vm.run(Register(fresh, "counter")), Ok)
    assert vm.values(vm.instantiate(USER), "twice") == [2]


def test_all_missing_imports_are_named(vm):
    reply = refused(vm, '(module (import "a" "b" (func)) (import "c" "d" (memory 1)))')
    assert reply == Failed(abi.ST_LINK, "nothing exports the imports a.b, c.d")


def test_wasi_without_a_world_is_an_error(vm):
    reply = refused(
        vm, '(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))))'
    )
    assert reply.status == abi.ST_LINK
    assert "no WASI world" in reply.message


@pytest.mark.parametrize(
    "wasm",
    [
        '(module (import "counter" "next" (func (param i32))))',
        '(module (import "counter" "memory" (memory 2)))',
        '(module (import "counter" "count" (global i32)))',
        '(module (import "counter" "next" (global i32)))',
    ],
)
def test_imports_of_another_type_are_link_errors(vm, wasm):
    vm.instantiate(COUNTER, "counter")
    reply = refused(vm, wasm)
    assert reply.status == abi.ST_LINK
    assert "counter" in reply.message


def test_a_trap_in_a_start_function_is_a_trap(vm):
    module = vm.run(Load(vm.map_code("(module (func $main unreachable) (start $main))"))).number
    reply = vm.run(Instantiate(module))
    assert isinstance(reply, Trapped)
    assert reply.code == abi.TRAP_UNREACHABLE
    assert reply.frames[0].name == "main"


def test_a_trap_crosses_modules(vm):
    vm.instantiate('(module $lib (func (export "f") (param i32) unreachable))', "lib")
    user = vm.instantiate(
        '(module $app (import "lib" "f" (func $f (param i32)))'
        ' (func (export "run") (param i32) (call $f (local.get 0))))'
    )
    reply = vm.call(user, "run", i32(1))
    assert [frame.module for frame in reply.frames] == ["lib", "app"]


def test_a_segment_outside_a_memory_is_a_trap(vm):
    module = vm.run(Load(vm.map_code('(module (memory 1) (data (i32.const 65535) "ab"))'))).number
    reply = vm.run(Instantiate(module))
    assert isinstance(reply, Trapped)
    assert reply.code == abi.TRAP_MEMORY_OUT_OF_BOUNDS
