//! The contract between the host and the guest image, guest side.
//!
//! Its mirror is `vmm/abi.py`; `tests/unit/test_abi.py` compares both, name by name.
//! All integers are little-endian. Lengths and indices cross the boundary, never pointers,
//! but for addresses that the host itself chose. See `docs/abi.md` for the prose.

#![no_std]

extern crate alloc;

pub mod wire;

/// "HCEL".
pub const ABI_MAGIC: u32 = 0x4C45_4348;
pub const ABI_VERSION: u32 = 6;

// --- the door -------------------------------------------------------------------------------
/// A 4-byte `out`; eax is ignored, everything is in the mailbox.
pub const HYPERCALL_PORT: u16 = 0x3F8;

// --- guest-physical memory; RAM and the shared region have virtual address = physical address --
pub const PAGE: u64 = 0x1000;
pub const HUGE: u64 = 0x20_0000;
pub const RAM_BASE: u64 = 0x0;
pub const RAM_SIZE: u64 = 0x0400_0000;
/// Page tables written by the host after boot; never mapped.
pub const TABLES_BASE: u64 = 0x0400_0000;
pub const TABLES_SIZE: u64 = 0x0100_0000;
pub const SHARED_BASE: u64 = 0x0600_0000;
pub const SHARED_SIZE: u64 = 0x0040_0000;
/// Backs arenas, in 2 MiB blocks.
pub const POOL_BASE: u64 = 0x0800_0000;
pub const POOL_FIRST_SLOT: u64 = 0x0400_0000;
pub const POOL_NEXT_SLOT: u64 = 0x1000_0000;
pub const CODE_GPA: u64 = 0x10_0000_0000;
pub const LAYER_GPA: u64 = 0x20_0000_0000;

// --- RAM: what lies where -----------------------------------------------------------------------
pub const PML4: u64 = 0x1000;
pub const PDPT_LOW: u64 = 0x2000;
pub const PD_LOW: u64 = 0x3000;
/// Page tables for the first GiB, one after the other, up to GDT.
pub const PT_LOW: u64 = 0x4000;
pub const GDT: u64 = 0x1_0000;
pub const IDT: u64 = 0x1_1000;
pub const TSS: u64 = 0x1_2000;
pub const STUB: u64 = 0x1_3000;
/// Constant iretq frames, one a vector.
pub const FRAMES: u64 = 0x1_4000;
/// One page; RSP0 is its end.
pub const KERNEL_STACK: u64 = 0x1_5000;
/// Virtual only: the ring-0 stack page, readable from ring 3.
pub const FAULT_RECORD: u64 = 0x1_6000;
pub const FAULT_STACK: u64 = 0x2_0000;
pub const FAULT_STACK_SIZE: u64 = 0x1_0000;
pub const IMAGE: u64 = 0x20_0000;
pub const IMAGE_SIZE: u64 = 0x60_0000;
/// The page below is absent.
pub const STACK: u64 = 0x88_0000;
pub const STACK_SIZE: u64 = 0xA0_0000;
/// It follows the stack within one large page: every run writes to both sides of the edge, and to
/// the first 1.5 MiB of the heap.
pub const HEAP: u64 = 0x128_0000;
pub const HEAP_SIZE: u64 = 0x2D8_0000;

// The first landing pad is at ELF entry + 16, pad v at entry + 16 + 16 * v (32 vectors).
pub const LANDING_OFFSET: u64 = 16;
pub const LANDING_STRIDE: u64 = 16;
pub const VECTORS: u64 = 32;

// --- virtual windows that the host fills ----------------------------------------------------------
pub const CODE_BASE: u64 = 0x1_0000_0000;
pub const CODE_SIZE: u64 = 0x4000_0000;
pub const LAYER_BASE: u64 = 0x2_0000_0000;
pub const LAYER_SIZE: u64 = 0x4000_0000;
pub const ARENA_BASE: u64 = 0x100_0000_0000;
pub const ARENA_STRIDE: u64 = 0x2_0000_0000;
/// Arena 0 extends the native heap, 1.. are linear memories and GC heaps.
pub const ARENA_COUNT: u64 = 64;
/// Committed bytes of one arena.
pub const ARENA_LIMIT: u64 = 0x1_0000_0000;
/// Where a linear memory of more than 2 MiB begins in its arena. CPython writes to the end of its
/// first MiB, where the stack is, and to data from 3.6 to 4.7 MiB: these are two large pages then,
/// and would else be three.
pub const MEMORY_LEAD: u64 = 0x8_0000;

// --- the shared region: offsets from SHARED_BASE ---------------------------------------------------
pub const MAILBOX: u64 = 0x0;
/// Head (u64, guest) at +0, tail (u64, host) at +64.
pub const RING_HEADER: u64 = 0x1000;
pub const STDIN_AREA: u64 = 0x1_0000;
pub const STDIN_AREA_SIZE: u64 = 0x1_0000;
pub const RING: u64 = 0x10_0000;
pub const RING_SIZE: u64 = 0x10_0000;
pub const COMMAND_AREA: u64 = 0x20_0000;
pub const COMMAND_AREA_SIZE: u64 = 0x10_0000;
pub const REPLY_AREA: u64 = 0x30_0000;
pub const REPLY_AREA_SIZE: u64 = 0x10_0000;

// --- the mailbox: offsets from SHARED_BASE + MAILBOX ------------------------------------------------
/// U32, host.
pub const MB_MAGIC: u64 = 0x00;
/// U32, host.
pub const MB_VERSION: u64 = 0x04;
/// U64, guest: which hypercall.
pub const MB_OP: u64 = 0x08;
/// 6 x u64, guest.
pub const MB_ARGS: u64 = 0x10;
/// 2 x u64, host.
pub const MB_RESULT: u64 = 0x40;
/// U64, host: bytes valid in the command area.
pub const MB_BATCH_LEN: u64 = 0x50;
/// U64, host.
pub const MB_TSC_BASE: u64 = 0x58;
/// U64, host: nanoseconds a tick, 32.32 fixed point.
pub const MB_TSC_TO_NS: u64 = 0x60;
/// U64, host: nanoseconds since 1970 at TSC_BASE.
pub const MB_REALTIME: u64 = 0x68;
/// U64, host: nanoseconds at TSC_BASE.
pub const MB_MONOTONIC: u64 = 0x70;
/// 32 bytes, host.
pub const MB_SEED: u64 = 0x80;
/// U64, host: changes in every fork; the guest then reseeds.
pub const MB_GENERATION: u64 = 0xA0;
/// U64, host.
pub const MB_FLAGS: u64 = 0xA8;
/// Clocks stand still.
pub const FLAG_DETERMINISTIC: u64 = 1;

// --- hypercalls ---------------------------------------------------------------------------------------
/// Args: reply_len, executed -> host writes a batch.
pub const HC_WAIT: u64 = 1;
/// Args: arena, old, new (bytes, multiples of PAGE) -> 0 done, 1 refused.
pub const HC_GROW: u64 = 2;
/// The ring is full -> returns when it is empty.
pub const HC_FLUSH: u64 = 3;
/// Args: max -> bytes now in the stdin area; 0 is end of file.
pub const HC_STDIN: u64 = 4;
/// Args: nanoseconds.
pub const HC_SLEEP: u64 = 5;
/// A deferred file is wanted -> host writes a file-system batch.
pub const HC_DEFERRED: u64 = 6;
/// Args: vector, error, rip, cr2, rsp, rbp; does not return.
pub const HC_FAULT: u64 = 7;
/// Args: length of the message in the reply area; does not return.
pub const HC_PANIC: u64 = 8;

// --- the output ring: records of {stream u32, length u32, payload, padding to 8} ------------------------
pub const STDOUT: u32 = 1;
pub const STDERR: u32 = 2;
/// Length u32 and JSON, again and again, whatever the records.
pub const STREAM_DISPLAY: u32 = 3;
pub const RECORD_HEADER: u64 = 8;
/// Payload bytes of one record.
pub const RECORD_MAX: u64 = 0x1_0000;
/// Bytes of JSON at a time.
pub const DISPLAY_MAX: u32 = 0x80_0000;

// --- commands -------------------------------------------------------------------------------------------
// Batch: count u32, then {op u32, length u32, body}. Bodies are sequences of
// u32 | u64 | bytes (u32 length + data) | str (bytes, UTF-8) | list (u32 count + items).
/// Address u64, length u64, kind u32 -> module u32.
pub const CMD_LOAD: u32 = 1;
/// Args [str], env [(str, str)], preopens [str], stdin u32 (0 EOF, 1 ask).
pub const CMD_WASI: u32 = 2;
/// Module u32, name str ("" = none) -> instance u32.
pub const CMD_INSTANTIATE: u32 = 3;
/// Instance u32, export str, [value] -> [value].
pub const CMD_INVOKE: u32 = 4;
/// Instance u32, export str -> value.
pub const CMD_GLOBAL_GET: u32 = 5;
/// Instance u32, export str, value.
pub const CMD_GLOBAL_SET: u32 = 6;
/// Instance u32, export str, offset u64, length u32 -> bytes.
pub const CMD_MEMORY_READ: u32 = 7;
/// Instance u32, export str, offset u64, bytes.
pub const CMD_MEMORY_WRITE: u32 = 8;
/// Instance u32, name str: other modules import it by this name.
pub const CMD_REGISTER: u32 = 9;
/// Address u64, length u64 (a tar; 0 = empty), path str, mode u32.
pub const CMD_MOUNT: u32 = 10;
/// Path str: its first open is HC_DEFERRED; until then an empty file.
pub const CMD_DEFER: u32 = 11;
/// Path str, address u64, length u64: the file's bytes, not copied.
pub const CMD_PUT_FILE: u32 = 12;
/// Path str, offset u64, max u32 -> size u64, bytes.
pub const CMD_READ_FILE: u32 = 13;
/// Path str (of a mount), max u32 -> more u32, bytes: what changed under it, as a tar.
pub const CMD_EXPORT: u32 = 14;
/// Home_bytes u64, home_files u64, tmp_bytes u64, tmp_files u64, dir_bytes u64, dir_files u64.
pub const CMD_QUOTA: u32 = 15;
/// Instance u32: touch every element of exported tables.
pub const CMD_FILL_TABLES: u32 = 16;
/// -> heap bytes u64, linear memory bytes u64, refused grows u64.
pub const CMD_USAGE: u32 = 17;
/// Instance u32, export str, args [str] -> ok u32, str: of a component.
pub const CMD_CALL: u32 = 18;
/// Addresses [u64], each plus `TOUCH_WRITE` or not: read a byte, and write it back.
pub const CMD_TOUCH: u32 = 19;
pub const TOUCH_WRITE: u64 = 1;

pub const KIND_MODULE: u32 = 0;
pub const KIND_COMPONENT: u32 = 1;
/// Read-only; several on one path stack, the last on top.
pub const MOUNT_LAYER: u32 = 0;
/// Writable, EXPORT tells what changed.
pub const MOUNT_HOME: u32 = 1;
/// Writable, forgotten; address and length are 0.
pub const MOUNT_TMP: u32 = 2;
/// A directory of the host: writable, EXPORT tells what changed.
pub const MOUNT_WRITABLE: u32 = 3;
/// As MOUNT_HOME, copied: later VMs of the session do not have the layer.
pub const MOUNT_HOME_COPY: u32 = 4;

// --- replies: for each executed command {status u32, length u32, body}; the first that is not OK ends a batch
/// Body as above.
pub const ST_OK: u32 = 0;
/// Code u32, message str, [frame]; frame: module str, index u32, name str, offset u64.
pub const ST_TRAP: u32 = 1;
/// Code u32.
pub const ST_EXIT: u32 = 2;
/// Message str: a bad command, a missing export, a wrong type.
pub const ST_ERROR: u32 = 3;
/// Message str: imports that do not resolve.
pub const ST_LINK: u32 = 4;
/// Message str: memory, table or file quota.
pub const ST_REFUSED: u32 = 5;

// Trap codes: the WebAssembly ones, in the order of wasmtime::Trap where they exist there.
pub const TRAP_OTHER: u32 = 0;
pub const TRAP_UNREACHABLE: u32 = 1;
pub const TRAP_MEMORY_OUT_OF_BOUNDS: u32 = 2;
pub const TRAP_TABLE_OUT_OF_BOUNDS: u32 = 3;
pub const TRAP_INDIRECT_CALL_TO_NULL: u32 = 4;
pub const TRAP_BAD_SIGNATURE: u32 = 5;
pub const TRAP_INTEGER_OVERFLOW: u32 = 6;
pub const TRAP_INTEGER_DIVISION_BY_ZERO: u32 = 7;
pub const TRAP_BAD_CONVERSION_TO_INTEGER: u32 = 8;
pub const TRAP_STACK_OVERFLOW: u32 = 9;
pub const TRAP_NULL_REFERENCE: u32 = 10;
pub const TRAP_ARRAY_OUT_OF_BOUNDS: u32 = 11;
pub const TRAP_CAST_FAILURE: u32 = 12;
pub const TRAP_ALLOCATION_TOO_LARGE: u32 = 13;
pub const TRAP_UNCAUGHT_EXCEPTION: u32 = 14;
pub const TRAP_HEAP_MISALIGNED: u32 = 15;

// --- values: {type u32, 16 bytes}; references are handles, 0 is null ------------------------------------
pub const VAL_I32: u32 = 0x7F;
pub const VAL_I64: u32 = 0x7E;
pub const VAL_F32: u32 = 0x7D;
pub const VAL_F64: u32 = 0x7C;
pub const VAL_V128: u32 = 0x7B;
pub const VAL_FUNCREF: u32 = 0x70;
/// Payload 0 null, else host value + 1.
pub const VAL_EXTERNREF: u32 = 0x6F;
pub const VAL_ANYREF: u32 = 0x6E;
pub const VAL_EXNREF: u32 = 0x69;
// An anyref's payload says in its upper 8 bytes what it holds; with REF_HOST the lower ones are as for externref.
pub const REF_OPAQUE: u64 = 0;
pub const REF_I31: u64 = 1;
pub const REF_STRUCT: u64 = 2;
pub const REF_ARRAY: u64 = 3;
pub const REF_HOST: u64 = 4;
