//! Commands on exported linear memories.

use alloc::format;
use core::ptr;

use hypercell_abi as abi;
use hypercell_abi::wire::{Reader, Writer};
use wasmtime::{Extern, Memory};

use crate::failure::Failure;
use crate::machine::Machine;

fn memory(machine: &mut Machine, from: &mut Reader<'_>) -> Result<Memory, Failure> {
    let instance = from.u32()?;
    let name = from.str()?;
    match machine.export(instance, name)? {
        Extern::Memory(memory) => Ok(memory),
        _ => Err(Failure::Error(format!(
            "export \"{name}\" of instance {instance} is no memory"
        ))),
    }
}

/// Where `length` bytes from `offset` lie in a memory of `size` bytes.
fn range(offset: u64, length: usize, size: usize) -> Result<core::ops::Range<usize>, Failure> {
    let start = usize::try_from(offset).ok();
    let end = start
        .and_then(|start| start.checked_add(length))
        .filter(|&end| end <= size);
    match (start, end) {
        (Some(start), Some(end)) => Ok(start..end),
        _ => Err(Failure::Error(format!(
            "{length} bytes at {offset}: the memory has {size}"
        ))),
    }
}

pub fn read(
    machine: &mut Machine,
    mut from: Reader<'_>,
    reply: &mut Writer,
    room: usize,
) -> Result<(), Failure> {
    let memory = memory(machine, &mut from)?;
    let offset = from.u64()?;
    let length = from.u32()? as usize;
    from.end()?;
    if length + 4 > room {
        return Err(Failure::Error(format!(
            "{length} bytes do not fit into a reply"
        )));
    }
    let data = memory.data(&machine.store);
    reply.bytes(&data[range(offset, length, data.len())?]);
    Ok(())
}

pub fn write(machine: &mut Machine, mut from: Reader<'_>) -> Result<(), Failure> {
    let memory = memory(machine, &mut from)?;
    let offset = from.u64()?;
    let bytes = from.bytes()?;
    from.end()?;
    let data = memory.data_mut(&mut machine.store);
    let range = range(offset, bytes.len(), data.len())?;
    data[range].copy_from_slice(bytes);
    Ok(())
}

/// Has the host map memory before a program wants it. No byte changes.
pub fn touch(mut from: Reader<'_>) -> Result<(), Failure> {
    for _ in 0..from.u32()? {
        let place = from.u64()?;
        let address = usize::try_from(place & !abi::TOUCH_WRITE).unwrap_or_default();
        let byte = ptr::with_exposed_provenance_mut::<u8>(address);
        // SAFETY: the host names bytes that it mapped, and writable ones where it says so; there is
        // one thread, and what is written is what was read.
        unsafe {
            let value = byte.read_volatile();
            if place & abi::TOUCH_WRITE != 0 {
                byte.write_volatile(value);
            }
        }
    }
    from.end()?;
    Ok(())
}
