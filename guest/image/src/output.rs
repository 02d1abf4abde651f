//! The writer of the output ring: records of {stream, length, payload, padding to 8}.

use core::sync::atomic::Ordering;

use hypercell_abi as abi;

use crate::door;

/// Writes bytes to a stream (`abi::STDOUT` or `STDERR`), waiting for the host where the ring is full.
pub fn write(stream: u32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (head, tail) = door::ring_counters();
        let at = head.load(Ordering::Relaxed);
        let free = (abi::RING_SIZE - (at - tail.load(Ordering::Acquire))) & !7;
        let room = free.saturating_sub(abi::RECORD_HEADER).min(abi::RECORD_MAX) as usize;
        // A record for less than the rest is worth it only if it is not tiny.
        if room < bytes.len().min(4096) {
            door::call(abi::HC_FLUSH, []);
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        let mut header = [0; abi::RECORD_HEADER as usize];
        header[..4].copy_from_slice(&stream.to_le_bytes());
        header[4..].copy_from_slice(&(now.len() as u32).to_le_bytes());
        put(at, &header);
        put(at + abi::RECORD_HEADER, now);
        let end = at + abi::RECORD_HEADER + (now.len() as u64).next_multiple_of(8);
        head.store(end, Ordering::Release);
        bytes = later;
    }
}

/// Copies bytes to a position of the ring, around its end if need be.
fn put(position: u64, bytes: &[u8]) {
    let start = (position % abi::RING_SIZE) as usize;
    let (first, rest) = bytes.split_at(bytes.len().min(abi::RING_SIZE as usize - start));
    door::RING.write(start, first);
    door::RING.write(0, rest);
}
