//! The writer of the output ring: records of {stream, length, payload, padding to 8}.

use core::sync::atomic::Ordering;

use hypercell_abi as abi;

use crate::door;

/// A short piece is not begun in less than this; the host is asked to empty the ring instead.
const SMALLEST: usize = 4096;

/// Writes records. Small writes are joined: each record costs the host time.
#[derive(Default)]
pub struct Output {
    last: Option<Record>,
}

/// The newest record. The host reads only while this vCPU stands still, and moves the tail past a
/// record when it takes it: until then the record may become longer.
struct Record {
    start: u64,
    stream: u32,
    length: u64,
}

impl Record {
    const fn end(&self) -> u64 {
        self.start + abi::RECORD_HEADER + self.length.next_multiple_of(8)
    }
}

impl Output {
    /// Writes bytes to a stream (`abi::STDOUT` or `STDERR`), waiting where the ring is full.
    pub fn write(&mut self, stream: u32, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (head, tail) = door::ring_counters();
            let at = head.load(Ordering::Relaxed);
            let tail = tail.load(Ordering::Acquire);
            let last = self.last.take();
            let mut record = last
                .filter(|last| last.end() == at && last.start >= tail && last.stream == stream)
                .filter(|last| last.length < abi::RECORD_MAX)
                .unwrap_or(Record {
                    start: at,
                    stream,
                    length: 0,
                });

            let used = record.start + abi::RECORD_HEADER + record.length - tail;
            let free = abi::RING_SIZE
                .saturating_sub(used)
                .min(abi::RECORD_MAX - record.length);
            let least = if record.length == 0 {
                bytes.len().min(SMALLEST)
            } else {
                1
            };
            if (free as usize) < least {
                door::call(abi::HC_FLUSH, []);
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(free as usize));
            put(record.start + abi::RECORD_HEADER + record.length, now);
            record.length += now.len() as u64;
            let mut header = [0; abi::RECORD_HEADER as usize];
            header[..4].copy_from_slice(&stream.to_le_bytes());
            header[4..].copy_from_slice(&(record.length as u32).to_le_bytes());
            put(record.start, &header);
            head.store(record.end(), Ordering::Release);
            self.last = Some(record);
            bytes = later;
        }
    }
}

/// Copies bytes to a position of the ring, around its end if need be.
fn put(position: u64, bytes: &[u8]) {
    let start = (position % abi::RING_SIZE) as usize;
    let room = abi::RING_SIZE as usize - start;
    let (first, rest) = bytes.split_at(bytes.len().min(room));
    door::RING.write(start, first);
    door::RING.write(0, rest);
}
