"""Writes ``_ffi.py``, the cffi definitions of libc and KVM: ``python -m hypercell.vmm._ffi_build``.

Out-of-line ABI mode: the result is pure Python, needs no C compiler, and imports in a millisecond.
"""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

MODULE = "hypercell.vmm._ffi"
OUTPUT = Path(__file__).with_name("_ffi.py")

DEFINITIONS = """
void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset);
int munmap(void *address, size_t length);
int mprotect(void *address, size_t length, int protection);
int madvise(void *address, size_t length, int advice);
int memcmp(const void *left, const void *right, size_t length);
void *memset(void *address, int byte, size_t length);
int mallopt(int parameter, int value);
int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int ioctl(int fd, unsigned long request, uintptr_t argument);
long syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d);

struct sock_fprog { uint16_t len; const char *filter; };

struct page_region { uint64_t start, end, categories; };
struct pm_scan_arg {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages,
             category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct kvm_userspace_memory_region {
    uint32_t slot, flags;
    uint64_t guest_phys_addr, memory_size, userspace_addr;
};
struct kvm_regs {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15,
             rip, rflags;
};
struct kvm_segment {
    uint64_t base;
    uint32_t limit;
    uint16_t selector;
    uint8_t type, present, dpl, db, s, l, g, avl, unusable, padding;
};
struct kvm_dtable { uint64_t base; uint16_t limit; uint16_t padding[3]; };
struct kvm_sregs {
    struct kvm_segment cs, ds, es, fs, gs, ss, tr, ldt;
    struct kvm_dtable gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, apic_base;
    uint64_t interrupt_bitmap[4];
};
struct kvm_xcr { uint32_t xcr, reserved; uint64_t value; };
struct kvm_xcrs { uint32_t nr_xcrs, flags; struct kvm_xcr xcrs[16]; uint64_t padding[16]; };
struct kvm_cpuid_entry2 {
    uint32_t function, index, flags, eax, ebx, ecx, edx, padding[3];
};
struct kvm_cpuid2 { uint32_t nent, padding; struct kvm_cpuid_entry2 entries[256]; };
struct kvm_msr_entry { uint32_t index, reserved; uint64_t data; };
struct kvm_msrs { uint32_t nmsrs, pad; struct kvm_msr_entry entries[1]; };
struct kvm_msr_filter_range { uint32_t flags, nmsrs, base; uint8_t *bitmap; };
struct kvm_msr_filter { uint32_t flags; struct kvm_msr_filter_range ranges[16]; };
struct kvm_run {
    uint8_t request_interrupt_window, immediate_exit, padding1[6];
    uint32_t exit_reason;
    uint8_t ready_for_interrupt_injection, if_flag;
    uint16_t flags;
    uint64_t cr8, apic_base;
    union {
        struct { uint64_t hardware_exit_reason; } hw;
        struct { uint64_t hardware_entry_failure_reason; uint32_t cpu; } fail_entry;
        struct {
            uint8_t direction, size;
            uint16_t port;
            uint32_t count;
            uint64_t data_offset;
        } io;
        struct { uint64_t phys_addr; uint8_t data[8]; uint32_t len; uint8_t is_write; } mmio;
        struct { uint32_t suberror, ndata; uint64_t data[16]; } internal;
        struct { uint64_t flags, gpa, size; } memory_fault;
        char padding[256];
    };
};
"""


def build(output: Path = OUTPUT) -> None:
    """Write the generated module to ``output``."""
    ffi = FFI()
    ffi.cdef(DEFINITIONS)
    ffi.set_source(MODULE, None)
    ffi.emit_python_code(str(output))


if __name__ == "__main__":
    build()
