//! wasi:random. The insecure source is the secure one.

use alloc::format;
use alloc::vec::Vec;

use hypercell_wasi::Host as _;
use wasmtime::{Result, bail};

use super::wasi::random::{insecure, insecure_seed, random};
use crate::machine::State;

/// The most bytes at a time: the interface has to give all that is asked for.
const LONGEST: u64 = 16 << 20;

impl State {
    fn random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if len > LONGEST || bytes.try_reserve_exact(len as usize).is_err() {
            bail!(
                "{}",
                format!("{len} random bytes at once, at most {LONGEST} can be given")
            );
        }
        bytes.resize(len as usize, 0);
        self.host.random(&mut bytes);
        Ok(bytes)
    }

    fn random_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.host.random(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(self.random_u64())
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(self.random_u64())
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.random_u64(), self.random_u64()))
    }
}
