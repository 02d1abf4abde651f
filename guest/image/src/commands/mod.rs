//! The commands: one function each, by what they work on.

mod calls;
mod components;
mod files;
mod memories;
mod modules;

use alloc::format;
use alloc::vec::Vec;

use hypercell_abi as abi;
use hypercell_abi::wire::{Reader, Writer};
use hypercell_wasi::FileSystem;

use crate::failure::Failure;
use crate::heap;
use crate::linear_memory;
use crate::machine::Machine;

/// Carries out a command. `room`: the longest reply.
pub fn execute(
    machine: &mut Machine,
    op: u32,
    body: &[u8],
    room: usize,
) -> Result<Vec<u8>, Failure> {
    let from = Reader::new(body);
    let mut reply = Writer::new();
    match op {
        abi::CMD_LOAD => modules::load(machine, from, &mut reply)?,
        abi::CMD_WASI => modules::wasi(machine, from)?,
        abi::CMD_INSTANTIATE => modules::instantiate(machine, from, &mut reply)?,
        abi::CMD_REGISTER => modules::register(machine, from)?,
        abi::CMD_FILL_TABLES => modules::fill_tables(machine, from)?,
        abi::CMD_INVOKE => calls::invoke(machine, from, &mut reply)?,
        abi::CMD_CALL => components::call(machine, from, &mut reply)?,
        abi::CMD_GLOBAL_GET => calls::global_get(machine, from, &mut reply)?,
        abi::CMD_GLOBAL_SET => calls::global_set(machine, from)?,
        abi::CMD_MEMORY_READ => memories::read(machine, from, &mut reply, room)?,
        abi::CMD_MEMORY_WRITE => memories::write(machine, from)?,
        abi::CMD_TOUCH => memories::touch(from)?,
        abi::CMD_READ_FILE => {
            files::read(&machine.store.data().fs, from, &mut reply, room)?;
        }
        abi::CMD_EXPORT => files::export(&mut machine.store.data_mut().fs, from, &mut reply, room)?,
        abi::CMD_USAGE => {
            from.end()?;
            reply
                .u64(heap::used())
                .u64(linear_memory::committed())
                .u64(linear_memory::refused());
        }
        _ => execute_deferred(&mut machine.store.data_mut().fs, op, body)?,
    }
    Ok(reply.done())
}

/// Carries out a command that works on files only: those also answer a deferred file.
pub fn execute_deferred(fs: &mut FileSystem, op: u32, body: &[u8]) -> Result<(), Failure> {
    let from = Reader::new(body);
    match op {
        abi::CMD_MOUNT => files::mount(fs, from),
        abi::CMD_DEFER => files::defer(fs, from),
        abi::CMD_PUT_FILE => files::put(fs, from),
        abi::CMD_QUOTA => files::quota(fs, from),
        _ => Err(Failure::Error(format!(
            "command {op} is not known, or not allowed here"
        ))),
    }
}
