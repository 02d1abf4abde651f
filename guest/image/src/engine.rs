//! The Wasmtime engine. `vmm/engine_config.py` has the same settings for the compiler.

use alloc::sync::Arc;

use wasmtime::{Collector, Config, CustomCodeMemory, Engine, Result};

use crate::cpu;
use crate::linear_memory;

/// The compiler reserves 4 GiB a memory and a guard, so that it needs no bounds checks.
const MEMORY_RESERVATION: u64 = 1 << 32;
const MEMORY_GUARD: u64 = 32 << 20;
/// Of the 10 MiB stack; the rest is for the image's own functions. A Python program that recurses too
/// deep then sees its own error before the stack ends, but for the deepest calls of C.
const WASM_STACK: usize = 7 << 20;

/// Compiled code is mapped by the host, executable and read-only, before we hear of it.
struct MappedCode;

impl CustomCodeMemory for MappedCode {
    fn required_alignment(&self) -> usize {
        hypercell_abi::PAGE as usize
    }

    fn publish_executable(&self, _start: *const u8, _length: usize) -> Result<()> {
        Ok(())
    }

    fn unpublish_executable(&self, _start: *const u8, _length: usize) -> Result<()> {
        Ok(())
    }
}

/// The only engine.
pub fn new() -> Engine {
    cpu::detect();
    let mut config = Config::new();
    config
        .signals_based_traps(true)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_guard_size(MEMORY_GUARD)
        .memory_may_move(false)
        .memory_init_cow(false)
        .wasm_function_references(true)
        .wasm_gc(true)
        .wasm_exceptions(true)
        .wasm_component_model(true)
        .collector(Collector::DeferredReferenceCounting)
        .concurrency_support(false)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(WASM_STACK)
        .with_host_memory(Arc::new(linear_memory::Creator))
        .with_custom_code_memory(Some(Arc::new(MappedCode)));
    // SAFETY: `cpu::has` says yes only to what CPUID and XCR0 confirm.
    unsafe { config.detect_host_feature(cpu::has) };
    match Engine::new(&config) {
        Ok(engine) => engine,
        Err(error) => panic!("no engine: {error:?}"),
    }
}
