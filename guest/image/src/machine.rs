//! The WebAssembly machine: one store, its modules and instances.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use hypercell_wasi::{FileSystem, Wasi};
use wasmtime::component::{self, Component, ResourceTable};
use wasmtime::{Engine, Extern, Instance, Linker, Module, Store};

use crate::clock;
use crate::engine;
use crate::failure::Failure;
use crate::host::GuestHost;
use crate::link;
use crate::p2;
use crate::table_limiter::TableLimiter;
use crate::values::Handles;

/// What WASI functions reach through the store.
pub struct State {
    pub fs: FileSystem,
    pub wasi: Option<Wasi>,
    pub host: GuestHost,
    /// Of components: those resources that are no descriptors.
    pub resources: ResourceTable,
    limiter: TableLimiter,
}

/// Code that was loaded.
#[derive(Clone)]
pub enum Code {
    Module(Module),
    Component(Component),
}

/// What code became.
#[derive(Clone)]
pub enum Running {
    Module(Instance),
    Component(Component, component::Instance),
}

/// Everything that commands work on. It lives until the VM ends.
pub struct Machine {
    pub engine: Engine,
    pub store: Store<State>,
    pub linker: Linker<State>,
    pub component_linker: component::Linker<State>,
    pub modules: Vec<Code>,
    pub instances: Vec<Running>,
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
            resources: p2::resources(),
            limiter: TableLimiter,
        };
        let mut store = Store::new(&engine, state);
        store.limiter(|state| &mut state.limiter);
        p2::limit(&mut store);
        Self {
            linker: link::linker(&engine),
            component_linker: p2::linker(&engine),
            engine,
            store,
            modules: Vec::new(),
            instances: Vec::new(),
            names: BTreeMap::new(),
            handles: Handles::default(),
        }
    }

    /// The instance of that number, of a module or a component.
    pub fn running(&self, number: u32) -> Result<&Running, Failure> {
        let found = self.instances.get(number as usize);
        found.ok_or_else(|| Failure::Error(format!("there is no instance {number}")))
    }

    /// The module instance of that number.
    pub fn instance(&self, number: u32) -> Result<Instance, Failure> {
        match self.running(number)? {
            Running::Module(instance) => Ok(*instance),
            Running::Component(..) => Err(Failure::Error(format!(
                "instance {number} is a component: its functions take and give text"
            ))),
        }
    }

    /// An export of an instance.
    pub fn export(&mut self, number: u32, name: &str) -> Result<Extern, Failure> {
        let found = self.instance(number)?.get_export(&mut self.store, name);
        found.ok_or_else(|| Failure::Error(format!("instance {number} has no export \"{name}\"")))
    }
}
