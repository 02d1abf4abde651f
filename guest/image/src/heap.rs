//! The native heap: a fixed part of RAM, then arena 0, which the host extends on request.

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicU64, Ordering};

use hypercell_abi as abi;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::{DefaultBinning, TalcCell};

use crate::arena::Arena;

/// Where the allocator gets its memory: first the static heap, then ever more of arena 0.
#[derive(Debug)]
struct Memory {
    begun: bool,
    extension: Option<Extension>,
}

#[derive(Debug)]
struct Extension {
    arena: Arena,
    end: core::ptr::NonNull<u8>,
}

// SAFETY: there is one vCPU and one thread.
unsafe impl Send for Memory {}

/// The smallest extension: the host maps each as one 2 MiB page.
const STEP: u64 = abi::HUGE;

// SAFETY: `acquire` uses no allocator but the given one.
unsafe impl Source for Memory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        if !talc.source.begun {
            talc.source.begun = true;
            // SAFETY: this range of RAM is mapped, writable, and used for nothing else.
            unsafe { talc.claim(abi::HEAP as *mut u8, abi::HEAP_SIZE as usize) }.ok_or(())?;
            return Ok(());
        }
        let wanted = (layout.size() as u64)
            .checked_add(layout.align() as u64 + abi::PAGE)
            .and_then(|bytes| bytes.checked_next_multiple_of(STEP))
            .ok_or(())?;
        match talc.source.extension.take() {
            None => {
                let mut arena = Arena::new(0);
                if !arena.grow_to(wanted) {
                    return Err(());
                }
                // SAFETY: the host has just committed exactly this range, for us alone.
                let end = unsafe { talc.claim(arena.base(), wanted as usize) }.ok_or(())?;
                talc.source.extension = Some(Extension { arena, end });
            }
            Some(Extension { mut arena, end }) => {
                let old = arena.committed();
                let grown = old
                    .checked_add(wanted)
                    .is_some_and(|size| arena.grow_to(size));
                // SAFETY: `end` is the end of that heap, and the range behind it was committed.
                let end = if grown {
                    unsafe { talc.extend(end, arena.base().add(arena.committed() as usize)) }
                } else {
                    end
                };
                talc.source.extension = Some(Extension { arena, end });
                if !grown {
                    return Err(());
                }
            }
        }
        Ok(())
    }
}

struct Counted {
    // SAFETY of `new`: one vCPU, no interrupts that allocate.
    heap: TalcSyncCell<Memory, DefaultBinning>,
    used: AtomicU64,
}

#[global_allocator]
static HEAP: Counted = Counted {
    // SAFETY: one vCPU, one thread; the trap path allocates only when a fault came from Wasm
    // code, which never runs inside the allocator.
    heap: unsafe {
        TalcSyncCell::new(TalcCell::new(Memory {
            begun: false,
            extension: None,
        }))
    },
    used: AtomicU64::new(0),
};

/// Bytes of the native heap that are in use.
pub fn used() -> u64 {
    HEAP.used.load(Ordering::Relaxed)
}

impl Counted {
    fn count(&self, more: usize, less: usize) {
        let used = self.used.load(Ordering::Relaxed);
        self.used.store(
            used.wrapping_add(more as u64).wrapping_sub(less as u64),
            Ordering::Relaxed,
        );
    }
}

// SAFETY: hands everything on to talc.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is talc's.
        let memory = unsafe { self.heap.alloc(layout) };
        if !memory.is_null() {
            self.count(layout.size(), 0);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.count(0, layout.size());
        // SAFETY: the caller's contract is talc's.
        unsafe { self.heap.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's contract is talc's.
        let moved = unsafe { self.heap.realloc(memory, layout, size) };
        if !moved.is_null() {
            self.count(size, layout.size());
        }
        moved
    }
}
