//! The WebAssembly machine: one store, its modules and instances.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use hypercell_wasi::{FileSystem, Wasi};
use wasmtime::{Engine, Extern, Instance, Linker, Module, Store};

use crate::clock;
use crate::engine;
use crate::failure::Failure;
use crate::host::GuestHost;
use crate::link;
use crate::table_limiter::TableLimiter;
use crate::values::Handles;

/// What WASI functions reach through the store.
pub struct State {
    pub fs: FileSystem,
    pub wasi: Option<Wasi>,
    pub host: GuestHost,
    limiter: TableLimiter,
}

/// Everything that commands work on. It lives until the VM ends.
pub struct Machine {
    pub engine: Engine,
    pub store: Store<State>,
    pub linker: Linker<State>,
    pub modules: Vec<Module>,
    pub instances: Vec<Instance>,
    /// Instances that other modules can import from.
    pub names: BTreeMap<String, Instance>,
    pub handles: Handles,
}

impl Machine {
    pub fn new() -> Self {
        let engine = engine::new();
        let state = State {
            fs: FileSystem::new(clock::realtime()),
            wasi: None,
            host: GuestHost::new(),
            limiter: TableLimiter,
        };
        let mut store = Store::new(&engine, state);
        store.limiter(|state| &mut state.limiter);
        Self {
            linker: link::linker(&engine),
            engine,
            store,
            modules: Vec::new(),
            instances: Vec::new(),
            names: BTreeMap::new(),
            handles: Handles::default(),
        }
    }

    /// The instance of that number.
    pub fn instance(&self, number: u32) -> Result<Instance, Failure> {
        let found = self.instances.get(number as usize).copied();
        found.ok_or_else(|| Failure::Error(format!("there is no instance {number}")))
    }

    /// An export of an instance.
    pub fn export(&mut self, number: u32, name: &str) -> Result<Extern, Failure> {
        let found = self.instance(number)?.get_export(&mut self.store, name);
        found.ok_or_else(|| Failure::Error(format!("instance {number} has no export \"{name}\"")))
    }
}
