//! Processor exceptions: Wasm traps go to Wasmtime, everything else to the host.

use hypercell_abi as abi;

use crate::door;
use crate::platform;

const DIVIDE: u64 = 0;
const INVALID_OPCODE: u64 = 6;
const PAGE_FAULT: u64 = 14;

/// What the processor pushed on the ring-0 stack, which ring 3 can read at another address.
struct Record {
    error: u64,
    rip: u64,
    cs: u64,
    rsp: u64,
    cr2: u64,
}

impl Record {
    fn read(vector: u64) -> Self {
        let below_end = |offset: u64| {
            let address = abi::FAULT_RECORD + abi::PAGE - offset;
            // SAFETY: the record page is always mapped, readable; the offsets are multiples of 8.
            unsafe { (address as *const u64).read_volatile() }
        };
        let has_error = matches!(vector, 8 | 10..=14 | 17 | 21 | 29 | 30);
        Self {
            error: if has_error { below_end(48) } else { 0 },
            rip: below_end(40),
            cs: below_end(32),
            rsp: below_end(16),
            cr2: if vector == PAGE_FAULT {
                below_end(64)
            } else {
                0
            },
        }
    }

    /// A fault on the fault stack is one inside this very handler.
    fn is_nested(&self) -> bool {
        (abi::FAULT_STACK..=abi::FAULT_STACK + abi::FAULT_STACK_SIZE).contains(&self.rsp)
    }
}

/// Where the landing pads lead, on the fault stack. `rbp` is that of the faulting code.
pub extern "C" fn land(vector: u64, rbp: u64) -> ! {
    let record = Record::read(vector);
    let may_be_wasm = matches!(vector, DIVIDE | INVALID_OPCODE | PAGE_FAULT);
    if may_be_wasm
        && record.cs & 3 == 3
        && !record.is_nested()
        && let Some(handler) = platform::trap_handler()
    {
        // For a Wasm trap this resumes on the Wasm stack and does not come back.
        let is_access = vector == PAGE_FAULT;
        handler(
            record.rip as usize,
            rbp as usize,
            is_access,
            record.cr2 as usize,
        );
    }
    door::end(
        abi::HC_FAULT,
        [
            vector,
            record.error,
            record.rip,
            record.cr2,
            record.rsp,
            rbp,
        ],
    )
}
