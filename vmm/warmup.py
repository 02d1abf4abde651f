"""The warm-up of a parked VM: a small WASI program of ours that touches what cells will touch."""

from __future__ import annotations

from hypercell.vmm import abi
from hypercell.vmm.code_cache import Code
from hypercell.vmm.commands import Export, Instantiate, Invoke, Load, Mount, Quota, Usage, Wasi
from hypercell.vmm.program import MIB
from hypercell.vmm.vm_snapshot import Warmup

# Load, instantiate, arguments, a file written and read, output: the common way of a cell.
PROGRAM = r"""
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 3)
  (table 2 funcref)
  (elem (i32.const 0) func $store $store)
  (data (i32.const 0) "\10\00\00\00\06\00\00\00")
  (data (i32.const 16) "warm!\0a")
  (data (i32.const 32) "warm.txt")
  (global $sp (mut i32) (i32.const 65536))
  (func $store (i32.store offset=65536 (i32.const 0) (i32.const 1)))
  (func (export "_start")
    (drop (call $args_sizes (i32.const 64) (i32.const 68)))
    (drop (call $args (i32.const 512) (i32.const 1024)))
    (drop (call $environ_sizes (i32.const 64) (i32.const 68)))
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 72)))
    (drop (call $random (i32.const 80) (i32.const 16)))
    (drop (call $prestat (i32.const 3) (i32.const 96)))
    (drop (call $fdstat (i32.const 1) (i32.const 104)))
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 8) (i32.const 9)
      (i64.const 0x1fffffff) (i64.const 0x1fffffff) (i32.const 0) (i32.const 128)))
    (drop (call $write (i32.load (i32.const 128)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $close (i32.load (i32.const 128))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call_indirect (i32.const 1))
    (i32.store offset=131072 (i32.const 0) (i32.const 1))
    (drop (memory.grow (i32.const 1)))))
"""


def for_image(code: Code) -> Warmup:
    """The warm-up of the bare image with the compiled ``PROGRAM``."""
    return Warmup(
        (
            Quota(MIB, 16, MIB, 16),
            Mount("/home", None, abi.MOUNT_HOME),
            Mount("/tmp", None, abi.MOUNT_TMP),  # noqa: S108 - a path inside the guest
            Load(0),
            Wasi(("warm-up",), (("A", "1"),), ("/home", "/tmp")),  # noqa: S108
            Instantiate(0),
            Invoke(0, "_start"),
            Export(),
            Usage(),
        ),
        (code,),
    )
