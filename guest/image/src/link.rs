//! Imports: WASI functions, and the exports of instances that have a name.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use hypercell_wasi::{Call, Errno, Wasi};
use wasmtime::{Caller, Error, Extern, Linker, Module, Result};

use crate::failure::Failure;
use crate::host::GuestHost;
use crate::machine::{Machine, State};

/// The import module of WASI 0.1.
const WASI: &str = "wasi_snapshot_preview1";

/// Runs a WASI function on the memory that the caller exports.
fn call(
    mut caller: Caller<'_, State>,
    function: impl FnOnce(&mut Wasi, &mut Call<'_, GuestHost>) -> Errno,
) -> Result<i32> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let (mem, state) = match memory {
        Some(memory) => memory.data_and_store_mut(&mut caller),
        None => (&mut [][..], caller.data_mut()),
    };
    let State { wasi, fs, host, .. } = state;
    let wasi = wasi.as_mut().ok_or_else(no_world)?;
    let errno = function(wasi, &mut Call { fs, host, mem });
    match host.failure.take() {
        Some(failure) => Err(Error::new(failure)),
        None => Ok(errno.raw()),
    }
}

pub fn no_world() -> Error {
    Error::new(Failure::Link(
        "no WASI world was set up before the instance".into(),
    ))
}

macro_rules! bind {
    ($($name:ident($($arg:ident: $ty:ty),* $(,)?);)*) => {
        /// Adds every WASI function with an error number as its result.
        #[allow(clippy::too_many_arguments)]
        fn add(linker: &mut Linker<State>) -> Result<()> {
            $(
                linker.func_wrap(
                    WASI,
                    stringify!($name),
                    |caller: Caller<'_, State>, $($arg: $ty),*| -> Result<i32> {
                        call(caller, |wasi, call| wasi.$name(call, $($arg),*))
                    },
                )?;
            )*
            Ok(())
        }
    };
}
hypercell_wasi::for_each_function!(bind);

/// A linker that knows WASI.
pub fn linker(engine: &wasmtime::Engine) -> Linker<State> {
    let mut linker = Linker::new(engine);
    let exit = |mut caller: Caller<'_, State>, code: u32| -> Result<()> {
        let State { wasi, fs, host, .. } = caller.data_mut();
        let wasi = wasi.as_mut().ok_or_else(no_world)?;
        let exit = wasi.proc_exit(
            &mut Call {
                fs,
                host,
                mem: &mut [],
            },
            code,
        );
        Err(Error::new(Failure::from(exit)))
    };
    let added = add(&mut linker).and_then(|()| linker.func_wrap(WASI, "proc_exit", exit).map(drop));
    if let Err(error) = added {
        panic!("no WASI: {error:?}");
    }
    linker
}

/// Finds what a module imports. A name that was given to an instance goes before WASI.
///
/// # Errors
/// `Link`, naming every import that nothing exports.
pub fn resolve(machine: &mut Machine, module: &Module) -> Result<Vec<Extern>, Failure> {
    let mut found = Vec::new();
    let mut missing = String::new();
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        let export = match machine.names.get(from) {
            Some(instance) => instance.get_export(&mut machine.store, name),
            None if from == WASI && machine.store.data().wasi.is_none() => {
                return Err(Failure::Link(format!(
                    "{from} is imported, but no WASI world is set up"
                )));
            }
            None => machine.linker.get(&mut machine.store, from, name).ok(),
        };
        match export {
            Some(export) => found.push(export),
            None => {
                let comma = if missing.is_empty() { "" } else { ", " };
                missing += &format!("{comma}{from}.{name}");
            }
        }
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(Failure::Link(format!(
            "nothing exports the imports {missing}"
        )))
    }
}
