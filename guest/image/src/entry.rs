//! The first bytes of the image: the entry point and the 32 landing pads.
//!
//! The host enters at the ELF entry in ring 3 with rsp at the end of the stack. A processor
//! exception v comes back from the ring-0 stub at entry + 16 + 16 * v, on the fault stack.

use core::arch::global_asm;

global_asm!(
    ".section .entry, \"ax\", @progbits",
    ".globl _start",
    "_start:",
    "    jmp hc_boot",
    "    .balign 16, 0xcc",
    ".irp vector, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    "    push \\vector",
    "    jmp hc_landing",
    "    .balign 16, 0xcc",
    ".endr",
    // rbp is 0 below the first frame, so that a walk over frame pointers ends there.
    "hc_boot:",
    "    and rsp, -16",
    "    xor ebp, ebp",
    "    call {boot}",
    "    ud2",
    // The iretq frame of the stub has already cleared DF, and only rbp is of use to the handler.
    "hc_landing:",
    "    pop rdi",
    "    mov rsi, rbp",
    "    and rsp, -16",
    "    xor ebp, ebp",
    "    call {land}",
    "    ud2",
    ".text",
    boot = sym crate::boot,
    land = sym crate::faults::land,
);
