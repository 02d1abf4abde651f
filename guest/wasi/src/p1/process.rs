//! The process, the scheduler, randomness.

use crate::errno::{Errno, answer};
use crate::host::{Call, Host};
use crate::memory;
use crate::wasi::{Exit, Wasi};

impl Wasi {
    /// The only function that does not come back.
    pub fn proc_exit<H: Host>(&mut self, _call: &mut Call<'_, H>, code: u32) -> Exit {
        Exit(code)
    }

    /// There are no signals.
    pub fn proc_raise<H: Host>(&mut self, _call: &mut Call<'_, H>, _signal: u32) -> Errno {
        Errno::Notsup
    }

    pub fn sched_yield<H: Host>(&mut self, _call: &mut Call<'_, H>) -> Errno {
        Errno::Success
    }

    pub fn random_get<H: Host>(&mut self, call: &mut Call<'_, H>, buf: u32, len: u32) -> Errno {
        answer(memory::bytes_mut(call.mem, buf, len).map(|bytes| call.host.random(bytes)))
    }
}
