//! Waiting for clocks and descriptors.
//!
//! Files and output are always ready. So is standard input: whether there is any is known only by
//! reading it, which waits.

use super::clock::{MONOTONIC, REALTIME};
use crate::errno::{Answer, Errno, answer};
use crate::fd_table::Target;
use crate::host::{Call, Host};
use crate::memory;
use crate::types::rights;
use crate::wasi::Wasi;

const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;
/// The timeout is a point in time.
const ABSTIME: u16 = 1;

struct Subscription {
    userdata: u64,
    kind: u8,
    /// A descriptor or a clock.
    id: u32,
    timeout: u64,
    flags: u16,
}

/// What became of a subscription.
struct State {
    /// Nanoseconds from the start of the call until it fires.
    left: u64,
    errno: Errno,
    bytes: u64,
}

impl Wasi {
    pub fn poll_oneoff<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        subscriptions: u32,
        events: u32,
        count: u32,
        stored: u32,
    ) -> Errno {
        answer(self.poll(call, subscriptions, events, count, stored))
    }

    fn poll<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        subscriptions: u32,
        events: u32,
        count: u32,
        stored: u32,
    ) -> Answer<()> {
        if count == 0 {
            return Err(Errno::Inval);
        }
        memory::check_array(call.mem, subscriptions, count, SUBSCRIPTION)?;
        memory::check_array(call.mem, events, count, EVENT)?;
        memory::bytes(call.mem, stored, 4)?;
        let start = [call.host.realtime(), call.host.monotonic()];
        let mut wait = u64::MAX;
        for index in 0..count {
            let subscription = read(call.mem, subscriptions, index)?;
            wait = wait.min(self.state(call, &subscription, start).left);
        }
        if wait > 0 {
            call.host.sleep(wait);
        }
        let mut written = 0;
        for index in 0..count {
            let subscription = read(call.mem, subscriptions, index)?;
            // Counted from the start again: the clocks may stand still.
            let state = self.state(call, &subscription, start);
            if state.left <= wait {
                let mut event = [0; EVENT as usize];
                event[0..8].copy_from_slice(&subscription.userdata.to_le_bytes());
                event[8..10].copy_from_slice(&(state.errno as u16).to_le_bytes());
                event[10] = subscription.kind;
                event[16..24].copy_from_slice(&state.bytes.to_le_bytes());
                memory::write(call.mem, memory::element(events, written, EVENT)?, &event)?;
                written += 1;
            }
        }
        memory::write_u32(call.mem, stored, written)
    }

    /// The state of a subscription; `start`: the clocks when the call began.
    fn state<H: Host>(
        &self,
        call: &Call<'_, H>,
        subscription: &Subscription,
        start: [u64; 2],
    ) -> State {
        let result = match subscription.kind {
            CLOCK => time_left(subscription, start).map(|left| (left, 0)),
            _ => self.ready_bytes(call, subscription).map(|bytes| (0, bytes)),
        };
        match result {
            Ok((left, bytes)) => State {
                left,
                errno: Errno::Success,
                bytes,
            },
            Err(errno) => State {
                left: 0,
                errno,
                bytes: 0,
            },
        }
    }

    /// How many bytes a descriptor has ready, or why it cannot be waited for.
    fn ready_bytes<H: Host>(&self, call: &Call<'_, H>, subscription: &Subscription) -> Answer<u64> {
        let descriptor = self.fds.get(subscription.id)?;
        let reading = subscription.kind == FD_READ;
        let right = if reading {
            rights::FD_READ
        } else {
            rights::FD_WRITE
        };
        if descriptor.rights & (right | rights::POLL_FD_READWRITE) == 0 {
            return Err(Errno::Notcapable);
        }
        match descriptor.target {
            Target::Node(id) if reading => {
                Ok(call.fs.inode(id).size().saturating_sub(descriptor.position))
            }
            Target::Stdin if reading => Ok(u64::from(self.stdin)),
            Target::Output(_) if !reading => Ok(0),
            Target::Node(_) => Ok(0),
            Target::Stdin | Target::Output(_) => Err(Errno::Badf),
        }
    }
}

fn time_left(subscription: &Subscription, start: [u64; 2]) -> Answer<u64> {
    let now = match subscription.id {
        REALTIME => start[0],
        MONOTONIC => start[1],
        _ => return Err(Errno::Inval),
    };
    match subscription.flags {
        0 => Ok(subscription.timeout),
        ABSTIME => Ok(subscription.timeout.saturating_sub(now)),
        _ => Err(Errno::Inval),
    }
}

/// Reads one subscription; an unknown kind makes the whole call invalid.
fn read(mem: &[u8], subscriptions: u32, index: u32) -> Answer<Subscription> {
    let at = memory::element(subscriptions, index, SUBSCRIPTION)?;
    let field = |offset: u32| at.checked_add(offset).ok_or(Errno::Fault);
    let kind = memory::bytes(mem, field(8)?, 1)?[0];
    if !matches!(kind, CLOCK | FD_READ | FD_WRITE) {
        return Err(Errno::Inval);
    }
    Ok(Subscription {
        userdata: memory::read_u64(mem, at)?,
        kind,
        id: memory::read_u32(mem, field(16)?)?,
        timeout: memory::read_u64(mem, field(24)?)?,
        flags: memory::read_u16(mem, field(40)?)?,
    })
}
