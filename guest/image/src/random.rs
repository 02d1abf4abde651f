//! Random bytes: ChaCha20, seeded by the host anew in every fork.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use hypercell_abi as abi;

use crate::door;

/// A generator that notices when its VM was forked.
pub struct Random {
    generation: u64,
    stream: ChaCha20Rng,
}

impl Random {
    /// Seeds a generator from the mailbox.
    pub fn new() -> Self {
        let generation = door::field(abi::MB_GENERATION);
        Self {
            generation,
            stream: ChaCha20Rng::from_seed(door::seed()),
        }
    }

    /// Fills a buffer. Two forks of one snapshot get different bytes.
    pub fn fill(&mut self, target: &mut [u8]) {
        if door::field(abi::MB_GENERATION) != self.generation {
            *self = Self::new();
        }
        self.stream.fill_bytes(target);
    }
}
