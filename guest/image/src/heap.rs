//! The native heap: a fixed part of RAM, then arena 0, which the host extends on request.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hypercell_abi as abi;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::{DefaultBinning, TalcCell};

use crate::arena::Arena;

/// The last part of the static heap is kept for small allocations after the host has refused more,
/// so that the program that took everything gets an error and the image does not panic.
const RESERVE: u64 = 0x10_0000;
const SMALL: usize = 0x1000;

/// The part of the static heap before that: for what `apart` makes.
const APART: u64 = 0x80_0000;
const APART_START: u64 = abi::HEAP + abi::HEAP_SIZE - RESERVE - APART;
/// Bytes; smaller allocations may be counters of references, which every run writes to.
const LARGE: usize = 0x1000;

/// The host maps this much as one page.
const STEP: u64 = abi::HUGE;

/// Where the allocator gets its memory: the static heap, ever more of arena 0, the reserve.
#[derive(Debug)]
struct Memory {
    begun: bool,
    arena: Arena,
    /// The end of the heap in the arena, once there is one.
    end: Option<NonNull<u8>>,
    reserve_used: bool,
}

// SAFETY: there is one vCPU and one thread.
unsafe impl Send for Memory {}

impl Memory {
    /// Makes the heap in the arena larger by so many bytes, if the host gives them.
    fn extend<B: Binning>(talc: &mut Talc<Self, B>, bytes: u64) -> bool {
        let size = talc.source.arena.committed().saturating_add(bytes);
        if !talc.source.arena.grow_to(size) {
            return false;
        }
        let base = talc.source.arena.base();
        let size = talc.source.arena.committed() as usize;
        talc.source.end = match talc.source.end {
            // SAFETY: the host has just committed exactly this range, for us alone.
            None => unsafe { talc.claim(base, size) },
            // SAFETY: `end` is where that heap ends, and the host has committed what follows.
            Some(end) => Some(unsafe { talc.extend(end, base.add(size)) }),
        };
        talc.source.end.is_some()
    }
}

// SAFETY: `acquire` uses no allocator but the given one.
unsafe impl Source for Memory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        if !talc.source.begun {
            talc.source.begun = true;
            let size = (APART_START - abi::HEAP) as usize;
            // SAFETY: this range of RAM is mapped, writable, and used for nothing else.
            return unsafe { talc.claim(abi::HEAP as *mut u8, size) }
                .map(drop)
                .ok_or(());
        }
        // What the allocator adds to an allocation is far below a page.
        let needed = (layout.size() as u64)
            .checked_add(layout.align() as u64 + abi::PAGE)
            .ok_or(())?;
        for step in [STEP, abi::PAGE] {
            let bytes = needed.checked_next_multiple_of(step).ok_or(())?;
            if Self::extend(talc, bytes) {
                return Ok(());
            }
        }
        if layout.size() <= SMALL && !talc.source.reserve_used {
            talc.source.reserve_used = true;
            let start = (abi::HEAP + abi::HEAP_SIZE - RESERVE) as *mut u8;
            // SAFETY: mapped, writable, and kept out of the first claim.
            return unsafe { talc.claim(start, RESERVE as usize) }
                .map(drop)
                .ok_or(());
        }
        Err(())
    }
}

/// The memory for what `apart` makes.
#[derive(Debug)]
struct ApartMemory {
    begun: bool,
}

// SAFETY: `acquire` uses no allocator but the given one.
unsafe impl Source for ApartMemory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, _: Layout) -> Result<(), ()> {
        if talc.source.begun {
            return Err(());
        }
        talc.source.begun = true;
        // SAFETY: this range of RAM is mapped, writable, and used for nothing else.
        unsafe { talc.claim(APART_START as *mut u8, APART as usize) }
            .map(drop)
            .ok_or(())
    }
}

struct Counted {
    heap: TalcSyncCell<Memory, DefaultBinning>,
    apart: TalcSyncCell<ApartMemory, DefaultBinning>,
    is_apart: AtomicBool,
    used: AtomicU64,
}

#[global_allocator]
static HEAP: Counted = Counted {
    // SAFETY: one vCPU, one thread; the trap path allocates only when a fault came from Wasm
    // code, which never runs inside the allocator.
    heap: unsafe {
        TalcSyncCell::new(TalcCell::new(Memory {
            begun: false,
            arena: Arena::new(0),
            end: None,
            reserve_used: false,
        }))
    },
    // SAFETY: as above.
    apart: unsafe { TalcSyncCell::new(TalcCell::new(ApartMemory { begun: false })) },
    is_apart: AtomicBool::new(false),
    used: AtomicU64::new(0),
};

/// Bytes of the native heap that are in use.
pub fn used() -> u64 {
    HEAP.used.load(Ordering::Relaxed)
}

/// Has large allocations that are made now lie apart from all others.
///
/// For what is written once: what each run writes to is then in fewer pages of 2 MiB.
pub fn apart<T>(work: impl FnOnce() -> T) -> T {
    HEAP.is_apart.store(true, Ordering::Relaxed);
    let result = work();
    HEAP.is_apart.store(false, Ordering::Relaxed);
    result
}

impl Counted {
    fn lies_apart(memory: *mut u8) -> bool {
        (APART_START..APART_START + APART).contains(&(memory as u64))
    }

    fn goes_apart(&self, size: usize) -> bool {
        size >= LARGE && self.is_apart.load(Ordering::Relaxed)
    }

    fn count(&self, more: usize, less: usize) {
        let used = self.used.load(Ordering::Relaxed);
        self.used.store(
            used.wrapping_add(more as u64).wrapping_sub(less as u64),
            Ordering::Relaxed,
        );
    }
}

// SAFETY: hands everything on to one of two talcs, which one the address tells.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut memory = ptr::null_mut();
        if self.goes_apart(layout.size()) {
            // SAFETY: the caller's contract is talc's.
            memory = unsafe { self.apart.alloc(layout) };
        }
        if memory.is_null() {
            // SAFETY: the caller's contract is talc's.
            memory = unsafe { self.heap.alloc(layout) };
        }
        if !memory.is_null() {
            self.count(layout.size(), 0);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.count(0, layout.size());
        // SAFETY: the caller's contract is talc's, and this one gave the memory.
        unsafe {
            if Self::lies_apart(memory) {
                self.apart.dealloc(memory, layout);
            } else {
                self.heap.dealloc(memory, layout);
            }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if Self::lies_apart(memory) || self.goes_apart(size) {
            // SAFETY: the caller's contract has a size that makes a layout, and `memory` of the old
            // one; the new memory is another.
            unsafe {
                let layout_then = Layout::from_size_align_unchecked(size, layout.align());
                let moved = self.alloc(layout_then);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(memory, moved, size.min(layout.size()));
                    self.dealloc(memory, layout);
                }
                return moved;
            }
        }
        // SAFETY: the caller's contract is talc's.
        let moved = unsafe { self.heap.realloc(memory, layout, size) };
        if !moved.is_null() {
            self.count(size, layout.size());
        }
        moved
    }
}
