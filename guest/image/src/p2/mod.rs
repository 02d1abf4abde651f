//! WASI 0.2 for components: one file for each group of interfaces.
//!
//! The work is done in `hypercell_wasi::p2`, by the file system, descriptors, clocks and random source
//! of WASI 0.1. A resource that is a file or stream is the number of its descriptor; the others are in
//! a table of bounded size.

mod absent;
mod cli;
mod clocks;
mod descriptors;
mod directories;
mod display;
mod error_codes;
mod poll;
mod random;
mod streams;

use hypercell_wasi::{Call, Errno, Wasi};
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, Error, Result};

use crate::host::GuestHost;
use crate::link::no_world;
use crate::machine::State;

include!(concat!(env!("OUT_DIR"), "/with_wit.rs"));

/// What `bindgen!` makes of the interfaces.
#[allow(clippy::all)]
mod bindings {
    with_wit! {
        world: "hypercell:host/guest",
        imports: { default: trappable },
        require_store_data_send: false,
        with: {
            "wasi:cli/terminal-input.terminal-input": crate::p2::cli::Terminal,
            "wasi:cli/terminal-output.terminal-output": crate::p2::cli::Terminal,
            "wasi:filesystem/types.descriptor": crate::p2::descriptors::File,
            "wasi:filesystem/types.directory-entry-stream": crate::p2::directories::Listing,
            "wasi:io/error.error": crate::p2::error_codes::IoError,
            "wasi:io/poll.pollable": crate::p2::poll::Pollable,
            "wasi:io/streams.input-stream": crate::p2::streams::Input,
            "wasi:io/streams.output-stream": crate::p2::streams::Output,
        },
    }
}

use bindings::{hypercell, wasi};

/// The most resources that are no descriptors, of all components of the VM.
const MAX_RESOURCES: usize = 4096;
/// The most bytes that one call hands over from a component: they are copied into the native heap.
const MAX_ARGUMENTS: usize = 16 << 20;

/// An empty table of resources.
pub fn resources() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_RESOURCES);
    table
}

/// A linker that knows what components may import.
pub fn linker(engine: &Engine) -> Linker<State> {
    let mut linker = Linker::new(engine);
    let added = bindings::Guest::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)
        .and_then(|()| absent::add(&mut linker));
    if let Err(error) = added {
        panic!("no WASI 0.2: {error:?}");
    }
    linker
}

/// Bounds what a component can hand over in one call.
pub fn limit(store: &mut wasmtime::Store<State>) {
    store.set_hostcall_fuel(MAX_ARGUMENTS);
}

impl State {
    /// Does something in the WASI world.
    fn world<T>(
        &mut self,
        action: impl FnOnce(&mut Wasi, &mut Call<'_, GuestHost>) -> T,
    ) -> Result<T> {
        let State { wasi, fs, host, .. } = self;
        let wasi = wasi.as_mut().ok_or_else(no_world)?;
        let mem = &mut [];
        let result = action(wasi, &mut Call { fs, host, mem });
        match host.failure.take() {
            Some(failure) => Err(Error::new(failure)),
            None => Ok(result),
        }
    }

    /// As `world`, where there is no error that the component could be told.
    fn world_or_trap<T>(
        &mut self,
        action: impl FnOnce(&mut Wasi, &mut Call<'_, GuestHost>) -> Result<T, Errno>,
    ) -> Result<T> {
        self.world(action)?
            .map_err(|errno| Error::msg(alloc::format!("too many open files ({errno:?})")))
    }
}
