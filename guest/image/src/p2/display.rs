//! hypercell:host/display: records for the reader's page, on a stream of their own.

use alloc::string::String;

use hypercell_abi as abi;
use hypercell_wasi::Host as _;
use wasmtime::{Result, bail};

use super::hypercell::host::display;
use crate::machine::State;

impl display::Host for State {
    fn emit(&mut self, record: String) -> Result<()> {
        let Some(length) = u32::try_from(record.len())
            .ok()
            .filter(|length| *length <= abi::DISPLAY_MAX)
        else {
            bail!(
                "a display record of {} bytes, at most {} can be shown",
                record.len(),
                abi::DISPLAY_MAX
            );
        };
        // With its length first: a long one is cut into several records of the ring.
        self.host.write(abi::STREAM_DISPLAY, &length.to_le_bytes());
        self.host.write(abi::STREAM_DISPLAY, record.as_bytes());
        Ok(())
    }
}
