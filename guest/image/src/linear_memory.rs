//! Linear memories and GC heaps: one arena each, grown by the host.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicU64, Ordering};

use hypercell_abi as abi;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType, Result, bail};

use crate::arena::Arena;

/// The next arena. Arena 0 belongs to the native heap, and none is used twice: an address that
/// was present must never become absent again.
static NEXT: AtomicU64 = AtomicU64::new(1);
static COMMITTED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Bytes that all linear memories and GC heaps hold.
pub fn committed() -> u64 {
    COMMITTED.load(Ordering::Relaxed)
}

/// How often a memory or table was not given what it asked for.
pub fn refused() -> u64 {
    REFUSED.load(Ordering::Relaxed)
}

/// Counts a refusal.
pub fn count_refused() {
    REFUSED.fetch_add(1, Ordering::Relaxed);
}

/// For `Config::with_host_memory`.
pub struct Creator;

struct Memory {
    arena: Arena,
    /// Bytes of the arena before the memory.
    lead: usize,
    /// What Wasm may touch; the arena's committed part is this after `lead`, rounded up to a page.
    size: usize,
}

impl Memory {
    fn grow(&mut self, size: usize) -> bool {
        let before = self.arena.committed();
        if !self.arena.grow_to(self.lead.saturating_add(size) as u64) {
            count_refused();
            return false;
        }
        let before = before.max(self.lead as u64);
        COMMITTED.fetch_add(self.arena.committed() - before, Ordering::Relaxed);
        self.size = size;
        true
    }
}

// SAFETY: an arena is 8 GiB of addresses that belong to this memory alone; the committed part is
// zeroed by the host, and everything behind it is absent. The memory begins in its first 2 MiB,
// which leaves it 4 GiB and a guard larger than the engine's.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        _reserved: Option<usize>,
        _guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let index = NEXT.load(Ordering::Relaxed);
        if index >= abi::ARENA_COUNT {
            count_refused();
            return Err(format!(
                "a VM has at most {} linear memories",
                abi::ARENA_COUNT - 1
            ));
        }
        NEXT.store(index + 1, Ordering::Relaxed);
        let large = minimum as u64 > abi::HUGE;
        let mut memory = Memory {
            arena: Arena::new(index),
            lead: if large { abi::MEMORY_LEAD as usize } else { 0 },
            size: 0,
        };
        if memory.grow(minimum) {
            Ok(Box::new(memory))
        } else {
            Err(format!(
                "a memory of {minimum} bytes is over the memory limit"
            ))
        }
    }
}

// SAFETY: `size` bytes from `lead` on are committed, and the base never moves.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        abi::ARENA_LIMIT as usize - self.lead
    }

    fn grow_to(&mut self, size: usize) -> Result<()> {
        if !self.grow(size) {
            bail!("a memory of {size} bytes is over the memory limit");
        }
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.arena.base().wrapping_add(self.lead)
    }
}
