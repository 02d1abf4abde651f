//! Commands on modules and instances.

use alloc::format;
use alloc::string::String;
use core::ptr::{self, NonNull};

use hypercell_abi as abi;
use hypercell_abi::wire::{Reader, Writer};
use hypercell_wasi::Wasi;
use wasmtime::component::Component;
use wasmtime::{AsContextMut, Instance, Module, OutOfMemory, RootScope, Trap, WasmBacktrace};

use super::components;
use crate::failure::Failure;
use crate::heap;
use crate::linear_memory;
use crate::link;
use crate::machine::{Code, Machine, Running, State};

pub fn load(
    machine: &mut Machine,
    mut from: Reader<'_>,
    reply: &mut Writer,
) -> Result<(), Failure> {
    let (address, length, kind) = (from.u64()?, from.u64()?, from.u32()?);
    from.end()?;
    if !matches!(kind, abi::KIND_MODULE | abi::KIND_COMPONENT) {
        return Err(Failure::Error(format!("there is no kind {kind} of code")));
    }
    let end = abi::CODE_BASE + abi::CODE_SIZE;
    if address < abi::CODE_BASE || address >= end || length > end - address {
        return Err(Failure::Error(format!(
            "no code can be at {address:#x}+{length:#x}"
        )));
    }
    let code = ptr::slice_from_raw_parts_mut(address as *mut u8, length as usize);
    let code = NonNull::new(code).expect("the code window is not at 0");
    // SAFETY: the host mapped this range, `.text` executable, before it sent the command; nobody
    // writes it, and it stays mapped. Only the host's compiler process makes such files.
    let loaded = unsafe {
        match kind {
            abi::KIND_COMPONENT => {
                heap::apart(|| Component::deserialize_raw(&machine.engine, code))
                    .map(Code::Component)
            }
            _ => Module::deserialize_raw(&machine.engine, code).map(Code::Module),
        }
    };
    let loaded =
        loaded.map_err(|error| Failure::Error(format!("the code cannot be loaded: {error:#}")))?;
    reply.u32(machine.modules.len() as u32);
    machine.modules.push(loaded);
    Ok(())
}

pub fn wasi(machine: &mut Machine, mut from: Reader<'_>) -> Result<(), Failure> {
    let arguments = from.list(|from| from.str().map(String::from))?;
    let environment = from.list(|from| Ok((from.str()?.into(), from.str()?.into())))?;
    let preopens = from.list(|from| from.str().map(String::from))?;
    let asks = from.u32()? != 0;
    from.end()?;
    let State { wasi, fs, host, .. } = machine.store.data_mut();
    if let Some(mut old) = wasi.take() {
        old.close(fs);
    }
    host.input = Default::default();
    *wasi = Some(Wasi::new(fs, arguments, environment, &preopens, asks)?);
    Ok(())
}

pub fn instantiate(
    machine: &mut Machine,
    mut from: Reader<'_>,
    reply: &mut Writer,
) -> Result<(), Failure> {
    let number = from.u32()?;
    let name = from.str()?;
    from.end()?;
    let code = machine.modules.get(number as usize).cloned();
    let code = code.ok_or_else(|| Failure::Error(format!("there is no module {number}")))?;
    let refused = linear_memory::refused();
    let running = match code {
        Code::Module(module) => {
            let imports = link::resolve(machine, &module)?;
            let mut scope = RootScope::new(&mut machine.store);
            let instance = Instance::new(&mut scope, &module, &imports);
            if instance.is_err() {
                let _ = scope.as_context_mut().take_pending_exception();
            }
            instance.map(Running::Module)
        }
        Code::Component(component) => {
            components::check(machine, &component, name)?;
            let linker = &machine.component_linker;
            let instance = linker.instantiate(&mut machine.store, &component);
            instance.map(|instance| Running::Component(component, instance))
        }
    };
    let running = running.map_err(|error| {
        let ran = error.is::<WasmBacktrace>()
            || error.is::<Trap>()
            || error.is::<Failure>()
            || error.is::<OutOfMemory>();
        if ran {
            Failure::from_call(error) // its start function or its segments
        } else if linear_memory::refused() > refused {
            Failure::Refused(format!("{:#}", error.root_cause()))
        } else {
            Failure::Link(format!("{error:#}"))
        }
    })?;
    reply.u32(machine.instances.len() as u32);
    if let Running::Module(instance) = running
        && !name.is_empty()
    {
        machine.names.insert(name.into(), instance);
    }
    machine.instances.push(running);
    Ok(())
}

pub fn register(machine: &mut Machine, mut from: Reader<'_>) -> Result<(), Failure> {
    let number = from.u32()?;
    let name = from.str()?;
    from.end()?;
    let instance = machine.instance(number)?;
    machine.names.insert(name.into(), instance);
    Ok(())
}

/// Touches every element of exported tables: Wasmtime fills them and the function references
/// behind them only then, and in a snapshot they shall be ready.
pub fn fill_tables(machine: &mut Machine, mut from: Reader<'_>) -> Result<(), Failure> {
    let number = from.u32()?;
    from.end()?;
    let instance = machine.instance(number)?;
    let mut scope = RootScope::new(&mut machine.store);
    let tables: alloc::vec::Vec<_> = instance
        .exports(&mut scope)
        .filter_map(|export| export.into_table())
        .collect();
    for table in tables {
        for index in 0..table.size(&scope) {
            let _ = table.get(&mut scope, index);
        }
    }
    Ok(())
}
