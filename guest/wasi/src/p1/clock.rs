//! Clocks.

use crate::errno::{Answer, Errno, answer};
use crate::host::{Call, Host};
use crate::memory;
use crate::wasi::Wasi;

pub const REALTIME: u32 = 0;
pub const MONOTONIC: u32 = 1;
/// The VM has one program and one processor: its time is the time since it first asked.
pub const PROCESS_CPUTIME: u32 = 2;
pub const THREAD_CPUTIME: u32 = 3;

impl Wasi {
    pub fn clock_res_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        id: u32,
        resolution: u32,
    ) -> Errno {
        if id > THREAD_CPUTIME {
            return Errno::Inval;
        }
        answer(memory::write_u64(call.mem, resolution, 1))
    }

    pub fn clock_time_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        id: u32,
        _precision: u64,
        time: u32,
    ) -> Errno {
        answer(
            self.clock(call.host, id)
                .and_then(|now| memory::write_u64(call.mem, time, now)),
        )
    }

    pub(super) fn clock(&mut self, host: &mut impl Host, id: u32) -> Answer<u64> {
        match id {
            REALTIME => Ok(host.realtime()),
            MONOTONIC => Ok(host.monotonic()),
            PROCESS_CPUTIME | THREAD_CPUTIME => {
                let now = host.monotonic();
                Ok(now.saturating_sub(*self.started.get_or_insert(now)))
            }
            _ => Err(Errno::Inval),
        }
    }
}
