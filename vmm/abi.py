"""The contract between the host and the guest image, host side.

Its mirror is ``guest/abi/src/lib.rs``; ``tests/unit/test_abi.py`` compares both, name by name.
All integers are little-endian. Lengths and indices cross the boundary, never pointers, but for
addresses that the host itself chose. See ``docs/abi.md`` for the prose.
"""

from typing import Final

ABI_MAGIC: Final = 0x4C45_4348  # "HCEL"
ABI_VERSION: Final = 6

# --- the door -------------------------------------------------------------------------------
HYPERCALL_PORT: Final = 0x3F8  # a 4-byte `out`; eax is ignored, everything is in the mailbox

# --- guest-physical memory; RAM and the shared region have virtual address = physical address --
PAGE: Final = 0x1000
HUGE: Final = 0x20_0000
RAM_BASE: Final = 0x0
RAM_SIZE: Final = 0x0400_0000
TABLES_BASE: Final = 0x0400_0000  # page tables written by the host after boot; never mapped
TABLES_SIZE: Final = 0x0100_0000
SHARED_BASE: Final = 0x0600_0000
SHARED_SIZE: Final = 0x0040_0000
POOL_BASE: Final = 0x0800_0000  # backs arenas, in 2 MiB blocks
POOL_FIRST_SLOT: Final = 0x0400_0000
POOL_NEXT_SLOT: Final = 0x1000_0000
CODE_GPA: Final = 0x10_0000_0000
LAYER_GPA: Final = 0x20_0000_0000

# --- RAM: what lies where -----------------------------------------------------------------------
PML4: Final = 0x1000
PDPT_LOW: Final = 0x2000
PD_LOW: Final = 0x3000
PT_LOW: Final = 0x4000  # page tables for the first GiB, one after the other, up to GDT
GDT: Final = 0x1_0000
IDT: Final = 0x1_1000
TSS: Final = 0x1_2000
STUB: Final = 0x1_3000
FRAMES: Final = 0x1_4000  # constant iretq frames, one a vector
KERNEL_STACK: Final = 0x1_5000  # one page; RSP0 is its end
FAULT_RECORD: Final = 0x1_6000  # virtual only: the ring-0 stack page, readable from ring 3
FAULT_STACK: Final = 0x2_0000
FAULT_STACK_SIZE: Final = 0x1_0000
IMAGE: Final = 0x20_0000
IMAGE_SIZE: Final = 0x60_0000
STACK: Final = 0x88_0000  # the page below is absent
STACK_SIZE: Final = 0xA0_0000
# It follows the stack within one large page: every run writes to both sides of the edge, and to
# the first 1.5 MiB of the heap.
HEAP: Final = 0x128_0000
HEAP_SIZE: Final = 0x2D8_0000

# The first landing pad is at ELF entry + 16, pad v at entry + 16 + 16 * v (32 vectors).
LANDING_OFFSET: Final = 16
LANDING_STRIDE: Final = 16
VECTORS: Final = 32

# --- virtual windows that the host fills ----------------------------------------------------------
CODE_BASE: Final = 0x1_0000_0000
CODE_SIZE: Final = 0x4000_0000
LAYER_BASE: Final = 0x2_0000_0000
LAYER_SIZE: Final = 0x4000_0000
ARENA_BASE: Final = 0x100_0000_0000
ARENA_STRIDE: Final = 0x2_0000_0000
ARENA_COUNT: Final = 64  # arena 0 extends the native heap, 1.. are linear memories and GC heaps
ARENA_LIMIT: Final = 0x1_0000_0000  # committed bytes of one arena
# Where a linear memory of more than 2 MiB begins in its arena. CPython writes to the end of its
# first MiB, where the stack is, and to data from 3.6 to 4.7 MiB: two large pages rather than three.
MEMORY_LEAD: Final = 0x8_0000

# --- the shared region: offsets from SHARED_BASE --------------------------------------------------
MAILBOX: Final = 0x0
RING_HEADER: Final = 0x1000  # head (u64, guest) at +0, tail (u64, host) at +64
STDIN_AREA: Final = 0x1_0000
STDIN_AREA_SIZE: Final = 0x1_0000
RING: Final = 0x10_0000
RING_SIZE: Final = 0x10_0000
COMMAND_AREA: Final = 0x20_0000
COMMAND_AREA_SIZE: Final = 0x10_0000
REPLY_AREA: Final = 0x30_0000
REPLY_AREA_SIZE: Final = 0x10_0000

# --- the mailbox: offsets from SHARED_BASE + MAILBOX ----------------------------------------------
MB_MAGIC: Final = 0x00  # u32, host
MB_VERSION: Final = 0x04  # u32, host
MB_OP: Final = 0x08  # u64, guest: which hypercall
MB_ARGS: Final = 0x10  # 6 x u64, guest
MB_RESULT: Final = 0x40  # 2 x u64, host
MB_BATCH_LEN: Final = 0x50  # u64, host: bytes valid in the command area
MB_TSC_BASE: Final = 0x58  # u64, host
MB_TSC_TO_NS: Final = 0x60  # u64, host: nanoseconds a tick, 32.32 fixed point
MB_REALTIME: Final = 0x68  # u64, host: nanoseconds since 1970 at TSC_BASE
MB_MONOTONIC: Final = 0x70  # u64, host: nanoseconds at TSC_BASE
MB_SEED: Final = 0x80  # 32 bytes, host
MB_GENERATION: Final = 0xA0  # u64, host: changes in every fork; the guest then reseeds
MB_FLAGS: Final = 0xA8  # u64, host
FLAG_DETERMINISTIC: Final = 1  # clocks stand still

# --- hypercalls -----------------------------------------------------------------------------------
HC_WAIT: Final = 1  # args: reply_len, executed -> host writes a batch
HC_GROW: Final = 2  # args: arena, old, new (bytes, multiples of PAGE) -> 0 done, 1 refused
HC_FLUSH: Final = 3  # the ring is full -> returns when it is empty
HC_STDIN: Final = 4  # args: max -> bytes now in the stdin area; 0 is end of file
HC_SLEEP: Final = 5  # args: nanoseconds
HC_DEFERRED: Final = 6  # a deferred file is wanted -> host writes a file-system batch
HC_FAULT: Final = 7  # args: vector, error, rip, cr2, rsp, rbp; does not return
HC_PANIC: Final = 8  # args: length of the message in the reply area; does not return

# --- the output ring: records of {stream u32, length u32, payload, padding to 8} ------------------
STDOUT: Final = 1
STDERR: Final = 2
STREAM_DISPLAY: Final = 3  # length u32 and JSON, again and again, whatever the records
RECORD_HEADER: Final = 8
RECORD_MAX: Final = 0x1_0000  # payload bytes of one record
DISPLAY_MAX: Final = 0x80_0000  # bytes of JSON at a time

# --- commands -------------------------------------------------------------------------------------
# Batch: count u32, then {op u32, length u32, body}. Bodies are sequences of
# u32 | u64 | bytes (u32 length + data) | str (bytes, UTF-8) | list (u32 count + items).
CMD_LOAD: Final = 1  # address u64, length u64, kind u32 -> module u32
CMD_WASI: Final = 2  # args [str], env [(str, str)], preopens [str], stdin u32 (0 EOF, 1 ask)
CMD_INSTANTIATE: Final = 3  # module u32, name str ("" = none) -> instance u32
CMD_INVOKE: Final = 4  # instance u32, export str, [value] -> [value]
CMD_GLOBAL_GET: Final = 5  # instance u32, export str -> value
CMD_GLOBAL_SET: Final = 6  # instance u32, export str, value
CMD_MEMORY_READ: Final = 7  # instance u32, export str, offset u64, length u32 -> bytes
CMD_MEMORY_WRITE: Final = 8  # instance u32, export str, offset u64, bytes
CMD_REGISTER: Final = 9  # instance u32, name str: other modules import it by this name
CMD_MOUNT: Final = 10  # address u64, length u64 (a tar; 0 = empty), path str, mode u32
CMD_DEFER: Final = 11  # path str: its first open is HC_DEFERRED; until then an empty file
CMD_PUT_FILE: Final = 12  # path str, address u64, length u64: the file's bytes, not copied
CMD_READ_FILE: Final = 13  # path str, offset u64, max u32 -> size u64, bytes
CMD_EXPORT: Final = 14  # path str, max u32 -> more u32, bytes: what changed there, as a tar
CMD_QUOTA: Final = 15  # home_bytes u64, home_files u64, tmp_… (2), dir_… (2)
CMD_FILL_TABLES: Final = 16  # instance u32: touch every element of exported tables
CMD_USAGE: Final = 17  # -> heap bytes u64, linear memory bytes u64, refused grows u64
CMD_CALL: Final = 18  # instance u32, export str, args [str] -> ok u32, str: of a component
CMD_TOUCH: Final = 19  # addresses [u64], each plus TOUCH_WRITE or not: read, and write back
TOUCH_WRITE: Final = 1

KIND_MODULE: Final = 0
KIND_COMPONENT: Final = 1
MOUNT_LAYER: Final = 0  # read-only; several on one path stack, the last on top
MOUNT_HOME: Final = 1  # writable, EXPORT tells what changed
MOUNT_TMP: Final = 2  # writable, forgotten; address and length are 0
MOUNT_WRITABLE: Final = 3  # a directory of the host: writable, EXPORT tells what changed
MOUNT_HOME_COPY: Final = 4  # as MOUNT_HOME, copied: later VMs of the session do not have the layer

# --- replies: {status u32, length u32, body} for each executed command; not OK ends a batch ---
ST_OK: Final = 0  # body as above
ST_TRAP: Final = (
    1  # code u32, message str, [frame]; frame: module str, index u32, name str, offset u64
)
ST_EXIT: Final = 2  # code u32
ST_ERROR: Final = 3  # message str: a bad command, a missing export, a wrong type
ST_LINK: Final = 4  # message str: imports that do not resolve
ST_REFUSED: Final = 5  # message str: memory, table or file quota

# Trap codes: the WebAssembly ones, in the order of wasmtime::Trap where they exist there.
TRAP_OTHER: Final = 0
TRAP_UNREACHABLE: Final = 1
TRAP_MEMORY_OUT_OF_BOUNDS: Final = 2
TRAP_TABLE_OUT_OF_BOUNDS: Final = 3
TRAP_INDIRECT_CALL_TO_NULL: Final = 4
TRAP_BAD_SIGNATURE: Final = 5
TRAP_INTEGER_OVERFLOW: Final = 6
TRAP_INTEGER_DIVISION_BY_ZERO: Final = 7
TRAP_BAD_CONVERSION_TO_INTEGER: Final = 8
TRAP_STACK_OVERFLOW: Final = 9
TRAP_NULL_REFERENCE: Final = 10
TRAP_ARRAY_OUT_OF_BOUNDS: Final = 11
TRAP_CAST_FAILURE: Final = 12
TRAP_ALLOCATION_TOO_LARGE: Final = 13
TRAP_UNCAUGHT_EXCEPTION: Final = 14
TRAP_HEAP_MISALIGNED: Final = 15

# --- values: {type u32, 16 bytes}; references are handles, 0 is null ------------------------------
VAL_I32: Final = 0x7F
VAL_I64: Final = 0x7E
VAL_F32: Final = 0x7D
VAL_F64: Final = 0x7C
VAL_V128: Final = 0x7B
VAL_FUNCREF: Final = 0x70
VAL_EXTERNREF: Final = 0x6F  # payload 0 null, else host value + 1
VAL_ANYREF: Final = 0x6E
VAL_EXNREF: Final = 0x69
# An anyref's payload says in its upper 8 bytes what it holds; with REF_HOST the lower ones are
# as for externref.
REF_OPAQUE: Final = 0
REF_I31: Final = 1
REF_STRUCT: Final = 2
REF_ARRAY: Final = 3
REF_HOST: Final = 4
