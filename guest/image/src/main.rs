//! The guest image: a WebAssembly machine, driven by the host's commands. Everything is in ring 3.
//!
//! `entry` (first bytes) -> `boot` -> `batch::serve`, which waits at one point for the next batch
//! of commands. The host owns the page tables; `door` is the only way out.

#![no_std]
#![no_main]

extern crate alloc;

mod arena;
mod batch;
mod clock;
mod commands;
mod cpu;
mod door;
mod engine;
mod entry;
mod failure;
mod faults;
mod heap;
mod host;
mod input;
mod linear_memory;
mod link;
mod machine;
mod memory_functions;
mod output;
mod p2;
mod panic;
mod platform;
mod random;
mod table_limiter;
mod values;

/// Called once by the entry point, on the stack, in a fresh VM.
extern "C" fn boot() -> ! {
    door::check_version();
    batch::serve(machine::Machine::new())
}
