//! wasi:io/poll. Files and output are always ready, and so is standard input: whether there is any
//! is known only by reading it, which waits.

use alloc::vec::Vec;

use hypercell_wasi::Host as _;
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use super::wasi::io::poll;
use crate::machine::State;

/// What a component can wait for.
#[derive(Clone, Copy)]
pub enum Pollable {
    Ready,
    /// A point of the monotonic clock.
    At(u64),
}

impl Pollable {
    /// Nanoseconds that are left.
    fn left(self, now: u64) -> u64 {
        match self {
            Self::Ready => 0,
            Self::At(when) => when.saturating_sub(now),
        }
    }
}

impl poll::Host for State {
    fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> Result<Vec<u32>> {
        let now = self.host.monotonic();
        let mut left = Vec::with_capacity(pollables.len());
        for pollable in &pollables {
            left.push(self.resources.get(pollable)?.left(now));
        }
        let Some(&wait) = left.iter().min() else {
            bail!("poll with nothing to wait for");
        };
        self.host.sleep(wait);
        // Counted from the start: the clock may stand still.
        let ready = (0..).zip(&left).filter(|(_, left)| **left <= wait);
        Ok(ready.map(|(index, _)| index).collect())
    }
}

impl poll::HostPollable for State {
    fn ready(&mut self, pollable: Resource<Pollable>) -> Result<bool> {
        let now = self.host.monotonic();
        Ok(self.resources.get(&pollable)?.left(now) == 0)
    }

    fn block(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        let now = self.host.monotonic();
        let left = self.resources.get(&pollable)?.left(now);
        self.host.sleep(left);
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        self.resources.delete(pollable)?;
        Ok(())
    }
}
