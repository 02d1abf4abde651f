//! Commands on components: their functions take texts and give at most one.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use hypercell_abi::wire::{Reader, Writer};
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Component, Func, Type, Val};

use super::calls::with_quota;
use crate::failure::Failure;
use crate::input::Input;
use crate::machine::{Machine, Running};

/// A function of that interface gives the program's exit code.
const RUN: &str = "wasi:cli/run";

/// Refuses what a component cannot be instantiated with.
pub fn check(machine: &Machine, component: &Component, name: &str) -> Result<(), Failure> {
    if !name.is_empty() {
        let message = "a component cannot have a name: no module could import from it";
        return Err(Failure::Error(message.into()));
    }
    let ty = component.component_type();
    let mut imports = ty.imports(&machine.engine);
    match imports.find(|(name, _)| name.starts_with("wasi:")) {
        Some((name, _)) if machine.store.data().wasi.is_none() => Err(Failure::Link(format!(
            "{name} is imported, but no WASI world is set up"
        ))),
        _ => Ok(()),
    }
}

/// Calls a function. `export`: its name, after that of its interface and `#` if it is in one; the
/// interface's version may be left out.
pub fn call(
    machine: &mut Machine,
    mut from: Reader<'_>,
    reply: &mut Writer,
) -> Result<(), Failure> {
    let number = from.u32()?;
    let path = from.str()?;
    let arguments = from.list(|from| from.str().map(|text| Val::String(String::from(text))))?;
    from.end()?;
    let function = find(machine, number, path)?;
    let ty = function.ty(&machine.store);
    let count = fits(&ty, arguments.len()).ok_or_else(|| refusal(&ty, path, arguments.len()))?;

    let state = machine.store.data_mut();
    state.fs.clear_quota_hit();
    state.host.input = Input::default(); // each call has its own, whatever the last one left
    let mut results = vec![Val::Bool(false); count];
    if let Err(error) = function.call(&mut machine.store, &arguments, &mut results) {
        return Err(with_quota(Failure::from_call(error), machine));
    }
    let (ok, text) = match results.pop() {
        None => (true, String::new()),
        Some(Val::String(text)) => (true, text),
        Some(Val::Result(result)) => (result.is_ok(), text_of(result.unwrap_or_else(|err| err))),
        Some(_) => return Err(Failure::Error("a result that is no text".into())),
    };
    if !ok && versionless(path.split('#').next().unwrap_or_default()) == RUN {
        return Err(with_quota(Failure::Exit(1), machine));
    }
    reply.u32(ok.into()).str(&text);
    Ok(())
}

fn text_of(value: Option<Box<Val>>) -> String {
    match value.map(|value| *value) {
        Some(Val::String(text)) => text,
        _ => String::new(),
    }
}

/// The exported function of that name.
fn find(machine: &mut Machine, number: u32, path: &str) -> Result<Func, Failure> {
    let Running::Component(component, instance) = machine.running(number)?.clone() else {
        let message =
            format!("instance {number} is no component: invoke its functions with values");
        return Err(Failure::Error(message));
    };
    let store = &mut machine.store;
    let found = match path.rsplit_once('#') {
        None => instance.get_func(&mut *store, path),
        Some((interface, name)) => {
            let ty = component.component_type();
            let exact = ty
                .exports(&machine.engine)
                .find(|(name, _)| *name == interface);
            let found = exact.or_else(|| {
                ty.exports(&machine.engine)
                    .find(|(name, _)| versionless(name) == interface)
            });
            found
                .and_then(|(interface, _)| instance.get_export_index(&mut *store, None, interface))
                .and_then(|index| instance.get_export_index(&mut *store, Some(&index), name))
                .and_then(|index| instance.get_func(&mut *store, index))
        }
    };
    found.ok_or_else(|| {
        Failure::Error(format!(
            "instance {number} has no exported function \"{path}\""
        ))
    })
}

fn versionless(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}

/// The number of results of a function that can be called with so many texts.
fn fits(ty: &ComponentFunc, arguments: usize) -> Option<usize> {
    let text_or_none = |ty: Option<Type>| matches!(ty, None | Some(Type::String));
    let takes = ty.params().len() == arguments && ty.params().all(|(_, ty)| ty == Type::String);
    let gives = ty.results().len() <= 1
        && ty.results().all(|ty| match ty {
            Type::String => true,
            Type::Result(result) => text_or_none(result.ok()) && text_or_none(result.err()),
            _ => false,
        });
    (takes && gives && !ty.async_()).then(|| ty.results().len())
}

fn refusal(ty: &ComponentFunc, path: &str, given: usize) -> Failure {
    // Names for all types would be long code for one message; the host knows them.
    let name = |ty| {
        if ty == Type::String {
            "string"
        } else {
            "other"
        }
    };
    let params: Vec<&str> = ty.params().map(|(_, ty)| name(ty)).collect();
    let params = params.join(", ");
    Failure::Error(format!(
        "function \"{path}\" takes ({params}): it cannot be called with {given} strings for a text"
    ))
}
