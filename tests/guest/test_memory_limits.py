"""memory.grow, refused memory, many memories, big tables, garbage collection, the native heap."""

from guest_vm import i32, i64

from hypercell.vmm import abi
from hypercell.vmm.commands import Failed, FillTables, Instantiate, Load, Ok, Trapped, Usage
from hypercell.vmm.program import MIB

GROW = """(module
  (memory (export "memory") 1)
  (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
  (func (export "size") (result i32) memory.size)
  (func (export "touch") (param i32)
    local.get 0 i32.const 0x11 i32.store8
    local.get 0 i32.load8_u i32.const 0x11 i32.ne if unreachable end))"""


def usage(vm):
    reply = vm.run(Usage())
    assert isinstance(reply, Ok)
    return reply.counters


def test_memory_grows_and_can_be_touched_at_once(vm):
    instance = vm.instantiate(GROW)
    pages = 1
    for more in (1, 1, 30, 31, 1, 500, 7):
        assert vm.values(instance, "grow", i32(more)) == [pages]
        assert isinstance(vm.call(instance, "touch", i32(pages * 65536)), Ok)
        pages += more
        assert isinstance(vm.call(instance, "touch", i32(pages * 65536 - 1)), Ok)
        assert not isinstance(vm.call(instance, "touch", i32(pages * 65536)), Ok)
    assert vm.values(instance, "size") == [pages]
    heap, linear, refused = usage(vm)
    assert linear == pages * 65536
    assert 0 < heap < 16 * MIB
    assert refused == 0


def test_a_refused_grow_is_minus_one_and_counted(new_vm):
    vm = new_vm(memory=2 * MIB)
    instance = vm.instantiate(GROW)
    assert vm.values(instance, "grow", i32(1000)) == [0xFFFF_FFFF]
    assert vm.values(instance, "grow", i32(31)) == [1]
    assert vm.values(instance, "grow", i32(1)) == [0xFFFF_FFFF]
    assert isinstance(vm.call(instance, "touch", i32(2 * MIB - 1)), Ok)
    assert usage(vm)[1:] == (2 * MIB, 2)


def test_a_large_memory_has_all_that_it_may_have_and_no_more(new_vm):
    vm = new_vm(memory=4 * MIB + abi.MEMORY_LEAD)
    instance = vm.instantiate(GROW.replace('(export "memory") 1', '(export "memory") 48'))
    last = 48 * 65536
    assert isinstance(vm.call(instance, "touch", i32(0)), Ok)
    assert isinstance(vm.call(instance, "touch", i32(last - 1)), Ok)
    assert not isinstance(vm.call(instance, "touch", i32(last)), Ok)
    assert vm.values(instance, "grow", i32(17)) == [0xFFFF_FFFF]
    assert vm.values(instance, "grow", i32(16)) == [48]
    assert isinstance(vm.call(instance, "touch", i32(4 * MIB - 1)), Ok)
    assert not isinstance(vm.call(instance, "touch", i32(4 * MIB)), Ok)
    assert usage(vm)[1:] == (4 * MIB, 1)


def test_a_refused_minimum_is_a_refused_module(new_vm):
    vm = new_vm(memory=2 * MIB)
    module = vm.run(Load(vm.map_code("(module (memory 33))"))).number
    reply = vm.run(Instantiate(module))
    assert isinstance(reply, Failed)
    assert reply.status == abi.ST_REFUSED
    assert "2162688 bytes is over the memory limit" in reply.message
    assert usage(vm)[2] == 1


def test_four_gib_is_the_end_of_a_memory(new_vm):
    vm = new_vm(memory=16 << 30)
    instance = vm.instantiate(
        """(module (memory i64 1)
          (func (export "grow") (param i64) (result i64) local.get 0 memory.grow))"""
    )
    assert vm.values(instance, "grow", i64(65536)) == [0xFFFF_FFFF_FFFF_FFFF]


def test_there_is_an_arena_for_each_of_63_memories(vm):
    module = vm.run(Load(vm.map_code("(module (memory 1))"))).number
    for _ in range(abi.ARENA_COUNT - 1):
        assert isinstance(vm.run(Instantiate(module)), Ok)
    reply = vm.run(Instantiate(module))
    assert reply == Failed(abi.ST_REFUSED, "a VM has at most 63 linear memories")


def test_a_table_over_the_limit_is_refused(vm):
    module = vm.run(Load(vm.map_code("(module (table 4000000000 funcref))"))).number
    reply = vm.run(Instantiate(module))
    assert isinstance(reply, Failed)
    assert reply.status == abi.ST_REFUSED


TABLE = """(module (table $t 0 funcref)
  (func (export "grow") (param i32) (result i32)
    (table.grow $t (ref.null func) (local.get 0))))"""


def test_a_table_beyond_the_memory_limit_ends_the_program(new_vm):
    vm = new_vm(memory=2 * MIB)
    instance = vm.instantiate(TABLE)
    assert vm.values(instance, "grow", i32(1000)) == [0]
    reply = vm.call(instance, "grow", i32(9_000_000))
    assert isinstance(reply, Failed)
    assert reply.status == abi.ST_REFUSED
    assert "out of memory" in reply.message
    assert vm.values(instance, "grow", i32(1000)) == [1000]


def test_a_table_has_ten_million_elements_at_most(vm):
    instance = vm.instantiate(TABLE)
    assert vm.values(instance, "grow", i32(10_000_001)) == [0xFFFF_FFFF]
    assert usage(vm)[2] == 1


def test_a_program_that_took_all_native_heap_leaves_the_machine_whole(new_vm):
    vm = new_vm(memory=0)
    tables = "".join(f"(table $t{n} 0 funcref)" for n in range(90))
    grows = "".join(
        f"(if (i32.eq (local.get 0) (i32.const {n}))"
        f" (then (return (table.grow $t{n} (ref.null func) (local.get 1)))))"
        for n in range(90)
    )
    instance = vm.instantiate(
        f"""(module {tables}
          (func (export "grow") (param i32 i32) (result i32) {grows} (i32.const 7))
          (func (export "trap") unreachable))"""
    )
    size = 4_000_000
    for table in range(90):
        while size and isinstance(vm.call(instance, "grow", i32(table), i32(size)), Failed):
            size //= 2
    assert size < 1000
    for _ in range(200):
        assert isinstance(vm.call(instance, "trap"), Trapped)
    assert vm.values(instance, "grow", i32(90), i32(0)) == [7]


def test_the_native_heap_grows_beyond_its_static_part(vm):
    instance = vm.instantiate(TABLE)
    assert vm.values(instance, "grow", i32(9_000_000)) == [0]  # 72 MB, the heap has 44 MiB
    assert usage(vm)[0] > 70_000_000


GARBAGE = """(module
  (type $node (struct (field (ref null $node)) (field i64)))
  (func (export "garbage") (param i32)
    (loop $again
      (drop (struct.new $node (ref.null $node) (i64.const 1)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "list") (param i32) (result i32)
    (local $list (ref null $node)) (local $length i32)
    (loop $again
      (local.set $list (struct.new $node (local.get $list) (i64.const 1)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (loop $count
      (local.set $length (i32.add (local.get $length) (i32.const 1)))
      (br_if $count (i32.eqz (ref.is_null
        (local.tee $list (struct.get $node 0 (local.get $list)))))))
    (local.get $length)))"""


def test_garbage_is_collected(new_vm):
    vm = new_vm(memory=4 * MIB)
    instance = vm.instantiate(GARBAGE)
    assert isinstance(vm.call(instance, "garbage", i32(2_000_000)), Ok)
    assert vm.values(instance, "list", i32(10_000)) == [10_000]


def test_a_full_gc_heap_ends_the_program_not_the_machine(new_vm):
    vm = new_vm(memory=4 * MIB)
    instance = vm.instantiate(GARBAGE)
    reply = vm.call(instance, "list", i32(10_000_000))
    assert isinstance(reply, Failed)
    assert reply.status == abi.ST_REFUSED
    assert vm.values(instance, "list", i32(100)) == [100]


def test_tables_are_filled_for_a_snapshot(vm):
    instance = vm.instantiate(
        """(module (table (export "t") 1000 funcref) (table (export "any") 10 anyref)
          (elem (i32.const 5) $f $f $f)
          (func $f (export "f") (result i32) (i32.const 4)))"""
    )
    assert isinstance(vm.run(FillTables(instance)), Ok)
    assert vm.values(instance, "f") == [4]
