//! Time: the processor's time-stamp counter, scaled by what the host left in the mailbox.

use core::arch::x86_64::_rdtsc;

use hypercell_abi as abi;

use crate::door;

/// Nanoseconds since the host wrote the time base; 0 for ever in deterministic mode.
fn elapsed() -> u64 {
    if door::field(abi::MB_FLAGS) & abi::FLAG_DETERMINISTIC != 0 {
        return 0;
    }
    // SAFETY: ring 3 may read the time-stamp counter (CR4.TSD is clear).
    let now = unsafe { _rdtsc() };
    let ticks = now.saturating_sub(door::field(abi::MB_TSC_BASE));
    ((u128::from(ticks) * u128::from(door::field(abi::MB_TSC_TO_NS))) >> 32) as u64
}

/// Nanoseconds since 1970.
pub fn realtime() -> u64 {
    door::field(abi::MB_REALTIME).wrapping_add(elapsed())
}

/// Nanoseconds since a point in the past.
pub fn monotonic() -> u64 {
    door::field(abi::MB_MONOTONIC).wrapping_add(elapsed())
}

/// Sleeps, in the host.
pub fn sleep(nanoseconds: u64) {
    if nanoseconds != 0 {
        door::call(abi::HC_SLEEP, [nanoseconds]);
    }
}
