//! Commands on exported functions and globals.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use hypercell_abi::wire::{Reader, Writer};
use wasmtime::{AsContextMut, Extern, FuncType, Global, RootScope, Val};

use crate::failure::Failure;
use crate::machine::Machine;
use crate::values::Scope;

pub fn invoke(
    machine: &mut Machine,
    mut from: Reader<'_>,
    reply: &mut Writer,
) -> Result<(), Failure> {
    let instance = from.u32()?;
    let name = from.str()?;
    let Extern::Func(function) = machine.export(instance, name)? else {
        let message = format!("export \"{name}\" of instance {instance} is no function");
        return Err(Failure::Error(message));
    };
    machine.store.data_mut().fs.clear_quota_hit();
    let Machine { store, handles, .. } = machine;
    let mut scope = RootScope::new(store);

    let mut arguments = Vec::new();
    for _ in 0..from.u32()? {
        arguments.push(handles.decode(&mut scope, &mut from)?);
    }
    from.end()?;
    let ty = function.ty(&scope);
    check(&mut scope, &ty, name, &arguments)?;

    let mut results = vec![Val::null_any_ref(); ty.results().len()];
    if let Err(error) = function.call(&mut scope, &arguments, &mut results) {
        // The object of an uncaught exception dies with the scope.
        let _ = scope.as_context_mut().take_pending_exception();
        drop(scope);
        return Err(with_quota(Failure::from_call(error), machine));
    }
    reply.u32(results.len() as u32);
    for value in &results {
        handles.encode(&mut scope, value, reply)?;
    }
    Ok(())
}

/// Says which arguments a function wants, if these are others.
fn check(
    scope: &mut Scope<'_>,
    ty: &FuncType,
    name: &str,
    arguments: &[Val],
) -> Result<(), Failure> {
    let mut right = ty.params().len() == arguments.len();
    for (param, argument) in ty.params().zip(arguments) {
        right = right
            && argument
                .matches_ty(&mut *scope, &param)
                .map_err(Failure::from_call)?;
    }
    if right {
        return Ok(());
    }
    let wanted: Vec<_> = ty.params().map(|param| format!("{param}")).collect();
    let given: Vec<_> = arguments.iter().map(type_name).collect();
    let (wanted, given) = (wanted.join(" "), given.join(" "));
    Err(Failure::Error(format!(
        "function \"{name}\" takes ({wanted}), not ({given})"
    )))
}

const fn type_name(value: &Val) -> &'static str {
    match value {
        Val::I32(_) => "i32",
        Val::I64(_) => "i64",
        Val::F32(_) => "f32",
        Val::F64(_) => "f64",
        Val::V128(_) => "v128",
        Val::FuncRef(_) => "funcref",
        Val::ExternRef(_) => "externref",
        Val::AnyRef(_) => "anyref",
        Val::ExnRef(_) => "exnref",
        Val::ContRef(_) => "contref",
    }
}

/// A program that ended badly after it met a limit of the file system ended because of it.
pub(super) fn with_quota(failure: Failure, machine: &Machine) -> Failure {
    match machine.store.data().fs.quota_hit() {
        Some(hit) if !matches!(failure, Failure::Exit(0)) => {
            Failure::Refused(format!("{hit} ({failure})"))
        }
        _ => failure,
    }
}

fn global(machine: &mut Machine, from: &mut Reader<'_>) -> Result<Global, Failure> {
    let instance = from.u32()?;
    let name = from.str()?;
    match machine.export(instance, name)? {
        Extern::Global(global) => Ok(global),
        _ => Err(Failure::Error(format!(
            "export \"{name}\" of instance {instance} is no global"
        ))),
    }
}

pub fn global_get(
    machine: &mut Machine,
    mut from: Reader<'_>,
    reply: &mut Writer,
) -> Result<(), Failure> {
    let global = global(machine, &mut from)?;
    from.end()?;
    let Machine { store, handles, .. } = machine;
    let mut scope = RootScope::new(store);
    let value = global.get(&mut scope);
    handles.encode(&mut scope, &value, reply)
}

pub fn global_set(machine: &mut Machine, mut from: Reader<'_>) -> Result<(), Failure> {
    let global = global(machine, &mut from)?;
    let Machine { store, handles, .. } = machine;
    let mut scope = RootScope::new(store);
    let value = handles.decode(&mut scope, &mut from)?;
    from.end()?;
    global
        .set(&mut scope, value)
        .map_err(|error| Failure::Error(format!("{error:#}")))
}
