//! Access to a program's linear memory: the only module that turns its pointers into slices.

use alloc::string::String;

use crate::errno::{Answer, Errno};
use crate::limits::MAX_PATH;

/// `len` bytes at `at`.
pub fn bytes(mem: &[u8], at: u32, len: u32) -> Answer<&[u8]> {
    let start = at as usize;
    let end = start.checked_add(len as usize).ok_or(Errno::Fault)?;
    mem.get(start..end).ok_or(Errno::Fault)
}

/// `len` bytes at `at`, to be written.
pub fn bytes_mut(mem: &mut [u8], at: u32, len: u32) -> Answer<&mut [u8]> {
    let start = at as usize;
    let end = start.checked_add(len as usize).ok_or(Errno::Fault)?;
    mem.get_mut(start..end).ok_or(Errno::Fault)
}

/// Element `index` of an array of elements of `size` bytes: its address.
pub fn element(array: u32, index: u32, size: u32) -> Answer<u32> {
    index
        .checked_mul(size)
        .and_then(|offset| array.checked_add(offset))
        .ok_or(Errno::Fault)
}

/// Refuses an array that does not lie in memory, before any of it is used.
pub fn check_array(mem: &[u8], array: u32, count: u32, size: u32) -> Answer<()> {
    let len = count.checked_mul(size).ok_or(Errno::Fault)?;
    bytes(mem, array, len).map(|_| ())
}

pub fn read_u16(mem: &[u8], at: u32) -> Answer<u16> {
    let data = bytes(mem, at, 2)?;
    Ok(u16::from_le_bytes([data[0], data[1]]))
}

pub fn read_u32(mem: &[u8], at: u32) -> Answer<u32> {
    let data = bytes(mem, at, 4)?;
    Ok(u32::from_le_bytes([data[0], data[1], data[2], data[3]]))
}

pub fn read_u64(mem: &[u8], at: u32) -> Answer<u64> {
    let mut value = [0; 8];
    value.copy_from_slice(bytes(mem, at, 8)?);
    Ok(u64::from_le_bytes(value))
}

pub fn write(mem: &mut [u8], at: u32, data: &[u8]) -> Answer<()> {
    let len = u32::try_from(data.len()).map_err(|_| Errno::Fault)?;
    bytes_mut(mem, at, len)?.copy_from_slice(data);
    Ok(())
}

pub fn write_u32(mem: &mut [u8], at: u32, value: u32) -> Answer<()> {
    write(mem, at, &value.to_le_bytes())
}

pub fn write_u64(mem: &mut [u8], at: u32, value: u64) -> Answer<()> {
    write(mem, at, &value.to_le_bytes())
}

/// A path argument: UTF-8 without NUL, not too long; copied, since the call may change memory.
pub fn path(mem: &[u8], at: u32, len: u32) -> Answer<String> {
    let data = bytes(mem, at, len)?;
    if data.len() > MAX_PATH {
        return Err(Errno::Nametoolong);
    }
    let text = core::str::from_utf8(data).map_err(|_| Errno::Ilseq)?;
    check_path(text)?;
    Ok(String::from(text))
}

/// Refuses a text that can be no path.
pub fn check_path(text: &str) -> Answer<()> {
    if text.len() > MAX_PATH {
        return Err(Errno::Nametoolong);
    }
    if text.contains('\0') {
        return Err(Errno::Inval);
    }
    Ok(())
}

/// One `iovec` or `ciovec`: address and length of a buffer.
pub fn iovec(mem: &[u8], iovs: u32, index: u32) -> Answer<(u32, u32)> {
    let at = element(iovs, index, 8)?;
    let data = bytes(mem, at, 8)?;
    Ok((read_u32(data, 0)?, read_u32(data, 4)?))
}
