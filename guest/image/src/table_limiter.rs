//! Tables: their elements come from the native heap, whatever size a module asks for.

use wasmtime::{ResourceLimiter, Result};

use crate::linear_memory;

/// The most elements of one table, 8 bytes each.
const ELEMENTS: usize = 10_000_000;

/// Refuses tables that are too large. Memories have a limit of their own: the host's.
pub struct TableLimiter;

impl ResourceLimiter for TableLimiter {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let fits = desired <= ELEMENTS;
        if !fits {
            linear_memory::count_refused();
        }
        Ok(fits)
    }
}
