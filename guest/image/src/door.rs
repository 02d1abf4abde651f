//! The one door to the host: the mailbox and the `out` instruction.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use hypercell_abi as abi;

const MAILBOX: u64 = abi::SHARED_BASE + abi::MAILBOX;

/// Reads a field of the mailbox. The host may have changed it since the last read.
pub fn field(offset: u64) -> u64 {
    // SAFETY: the mailbox page is mapped for as long as the guest runs, and the offsets are
    // constants of the ABI, 8-byte aligned.
    unsafe { ((MAILBOX + offset) as *const u64).read_volatile() }
}

/// The random seed that the host left for this fork.
pub fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    for (word, bytes) in seed.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = field(abi::MB_SEED + 8 * word as u64).to_le_bytes();
    }
    seed
}

/// Does a hypercall and gives back the first word of its result.
pub fn call<const N: usize>(op: u64, arguments: [u64; N]) -> u64 {
    const { assert!(N <= 6) };
    let put = |offset: u64, value: u64| {
        // SAFETY: as in `field`; the guest owns these fields until the `out`.
        unsafe { ((MAILBOX + offset) as *mut u64).write_volatile(value) }
    };
    put(abi::MB_OP, op);
    for (index, argument) in arguments.into_iter().enumerate() {
        put(abi::MB_ARGS + 8 * index as u64, argument);
    }
    // SAFETY: the TSS opens this port to ring 3. The host changes only the shared region and
    // page-table entries that were absent; without `nomem` the compiler assumes any memory.
    unsafe {
        asm!("out dx, eax", in("dx") abi::HYPERCALL_PORT, in("eax") 0, options(nostack, preserves_flags));
    }
    field(abi::MB_RESULT)
}

/// Does a hypercall that the host never answers.
pub fn end<const N: usize>(op: u64, arguments: [u64; N]) -> ! {
    loop {
        call(op, arguments);
    }
}

/// A part of the shared region.
#[derive(Clone, Copy)]
pub struct Area {
    offset: u64,
    size: u64,
}

pub const STDIN: Area = Area {
    offset: abi::STDIN_AREA,
    size: abi::STDIN_AREA_SIZE,
};
pub const RING: Area = Area {
    offset: abi::RING,
    size: abi::RING_SIZE,
};
pub const COMMANDS: Area = Area {
    offset: abi::COMMAND_AREA,
    size: abi::COMMAND_AREA_SIZE,
};
pub const REPLIES: Area = Area {
    offset: abi::REPLY_AREA,
    size: abi::REPLY_AREA_SIZE,
};

impl Area {
    fn at(self, offset: usize, length: usize) -> *mut u8 {
        let end = offset
            .checked_add(length)
            .filter(|&end| end as u64 <= self.size);
        assert!(
            end.is_some(),
            "{length} bytes at {offset} are outside an area of the mailbox"
        );
        (abi::SHARED_BASE + self.offset + offset as u64) as *mut u8
    }

    /// Copies bytes out of the area.
    pub fn read(self, offset: usize, target: &mut [u8]) {
        let source = self.at(offset, target.len());
        // SAFETY: `at` checked the range, the region is always mapped, and the vCPU stands still
        // while the host writes here.
        unsafe { source.copy_to_nonoverlapping(target.as_mut_ptr(), target.len()) }
    }

    /// Copies bytes into the area.
    pub fn write(self, offset: usize, source: &[u8]) {
        let target = self.at(offset, source.len());
        // SAFETY: as in `read`; no reference into the shared region exists.
        unsafe { target.copy_from_nonoverlapping(source.as_ptr(), source.len()) }
    }
}

/// The two counters of the output ring.
pub fn ring_counters() -> (&'static AtomicU64, &'static AtomicU64) {
    let header = abi::SHARED_BASE + abi::RING_HEADER;
    // SAFETY: two aligned words of the shared region, always mapped; both sides use them as atomics.
    unsafe {
        (
            AtomicU64::from_ptr(header as *mut u64),
            AtomicU64::from_ptr((header + 64) as *mut u64),
        )
    }
}

/// Stops if the host speaks another version of the contract.
pub fn check_version() {
    let word = field(abi::MB_MAGIC);
    let expected = u64::from(abi::ABI_VERSION) << 32 | u64::from(abi::ABI_MAGIC);
    assert!(
        word == expected,
        "the host speaks another ABI: {word:#x}, not {expected:#x}"
    );
    // The ring counters must be the host's, not what a compiler kept from before.
    core::sync::atomic::fence(Ordering::SeqCst);
}
