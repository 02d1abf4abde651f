//! Arenas: address ranges of 8 GiB whose first part the host commits on request.

use hypercell_abi as abi;

use crate::door;

/// One arena. Its memory is zero when committed and never given back within a VM.
#[derive(Debug)]
pub struct Arena {
    index: u64,
    committed: u64,
}

impl Arena {
    /// The arena of that number, with nothing committed. Each number is used once.
    pub const fn new(index: u64) -> Self {
        assert!(index < abi::ARENA_COUNT, "there is no such arena");
        Self {
            index,
            committed: 0,
        }
    }

    pub fn base(&self) -> *mut u8 {
        (abi::ARENA_BASE + self.index * abi::ARENA_STRIDE) as *mut u8
    }

    /// Bytes that may be touched, from the base on.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// Commits up to `size` bytes; false if the host refuses, or if it is over 4 GiB.
    pub fn grow_to(&mut self, size: u64) -> bool {
        if size > abi::ARENA_LIMIT {
            return false;
        }
        let size = size.next_multiple_of(abi::PAGE);
        if size > self.committed {
            if door::call(abi::HC_GROW, [self.index, self.committed, size]) != 0 {
                return false;
            }
            self.committed = size;
        }
        true
    }
}
