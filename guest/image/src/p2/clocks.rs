//! wasi:clocks.

use hypercell_wasi::Host as _;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::poll::Pollable;
use super::wasi::clocks::{monotonic_clock, wall_clock};
use crate::machine::State;

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds since 1970 as the interface has it.
pub fn datetime(nanoseconds: u64) -> wall_clock::Datetime {
    wall_clock::Datetime {
        seconds: nanoseconds / SECOND,
        nanoseconds: (nanoseconds % SECOND) as u32,
    }
}

/// Nanoseconds since 1970; none if they do not fit.
pub fn nanoseconds(when: wall_clock::Datetime) -> Option<u64> {
    when.seconds
        .checked_mul(SECOND)?
        .checked_add(when.nanoseconds.into())
}

impl wall_clock::Host for State {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        Ok(datetime(self.host.realtime()))
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(datetime(1))
    }
}

impl monotonic_clock::Host for State {
    fn now(&mut self) -> Result<u64> {
        Ok(self.host.monotonic())
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<Pollable>> {
        Ok(self.resources.push(Pollable::At(when))?)
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<Pollable>> {
        let when = self.host.monotonic().saturating_add(duration);
        self.subscribe_instant(when)
    }
}
