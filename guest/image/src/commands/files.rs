//! Commands on the file system.

use alloc::format;

use hypercell_abi as abi;
use hypercell_abi::wire::{Reader, Writer};
use hypercell_wasi::{FileSystem, Mode, Quota};

use crate::clock;
use crate::failure::Failure;

/// The bytes that the host mapped into the layer window.
fn layer(address: u64, length: u64) -> Result<&'static [u8], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    let end = abi::LAYER_BASE + abi::LAYER_SIZE;
    if address < abi::LAYER_BASE || address >= end || length > end - address {
        return Err(Failure::Error(format!(
            "no layer can be at {address:#x}+{length:#x}"
        )));
    }
    // SAFETY: the host mapped this range read-only before it sent the command, and it stays.
    Ok(unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) })
}

pub fn mount(fs: &mut FileSystem, mut from: Reader<'_>) -> Result<(), Failure> {
    let tar = layer(from.u64()?, from.u64()?)?;
    let path = from.str()?;
    let number = from.u32()?;
    let mode = match number {
        abi::MOUNT_LAYER => Mode::Layer,
        abi::MOUNT_HOME | abi::MOUNT_HOME_COPY => Mode::Home,
        abi::MOUNT_TMP => Mode::Tmp,
        abi::MOUNT_WRITABLE => Mode::Writable,
        mode => return Err(Failure::Error(format!("there is no mount mode {mode}"))),
    };
    from.end()?;
    fs.mount(path, tar, mode, clock::realtime())?;
    if number == abi::MOUNT_HOME_COPY {
        fs.copy_home()?;
    }
    Ok(())
}

pub fn defer(fs: &mut FileSystem, mut from: Reader<'_>) -> Result<(), Failure> {
    let path = from.str()?;
    from.end()?;
    Ok(fs.defer(path, clock::realtime())?)
}

pub fn put(fs: &mut FileSystem, mut from: Reader<'_>) -> Result<(), Failure> {
    let path = from.str()?;
    let data = layer(from.u64()?, from.u64()?)?;
    from.end()?;
    Ok(fs.put_file(path, data, clock::realtime())?)
}

pub fn read(
    fs: &FileSystem,
    mut from: Reader<'_>,
    reply: &mut Writer,
    room: usize,
) -> Result<(), Failure> {
    let path = from.str()?;
    let offset = from.u64()?;
    let most = (from.u32()? as usize).min(room.saturating_sub(12));
    from.end()?;
    let (size, data) = fs.read_file(path, offset, most)?;
    reply.u64(size).bytes(data);
    Ok(())
}

pub fn export(
    fs: &mut FileSystem,
    mut from: Reader<'_>,
    reply: &mut Writer,
    room: usize,
) -> Result<(), Failure> {
    let path = from.str()?;
    let most = (from.u32()? as usize).min(room.saturating_sub(8));
    from.end()?;
    let (more, piece) = fs.export(path, most);
    reply.u32(more.into()).bytes(&piece);
    Ok(())
}

pub fn quota(fs: &mut FileSystem, mut from: Reader<'_>) -> Result<(), Failure> {
    let quota = Quota {
        home_bytes: from.u64()?,
        home_files: from.u64()?,
        tmp_bytes: from.u64()?,
        tmp_files: from.u64()?,
        dir_bytes: from.u64()?,
        dir_files: from.u64()?,
    };
    from.end()?;
    fs.set_quota(quota);
    Ok(())
}
