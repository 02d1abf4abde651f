//! Standard input: the host sends pieces, the guest hands them out.

use alloc::vec::Vec;

use hypercell_abi as abi;

use crate::door;

/// What the host sent and nobody has read yet.
#[derive(Default)]
pub struct Input {
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Input {
    /// Bytes to be read without asking the host.
    fn waiting(&self) -> usize {
        self.piece.len() - self.at
    }

    /// Reads up to `target.len()` bytes; 0 is the end of input, for good.
    pub fn read(&mut self, target: &mut [u8]) -> usize {
        if target.is_empty() || !self.fill() {
            return 0;
        }
        let count = self.waiting().min(target.len());
        target[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        count
    }

    /// Makes sure that a byte is waiting; false at the end of input.
    fn fill(&mut self) -> bool {
        if self.waiting() == 0 && !self.ended {
            let count = door::call(abi::HC_STDIN, [abi::STDIN_AREA_SIZE]).min(abi::STDIN_AREA_SIZE);
            self.piece.resize(count as usize, 0);
            self.at = 0;
            door::STDIN.read(0, &mut self.piece);
            self.ended = count == 0;
        }
        !self.ended
    }
}
