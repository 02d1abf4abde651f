//! Listing directories.

use crate::errno::{Answer, Errno, answer};
use crate::fs::FileSystem;
use crate::fs::inode::Id;
use crate::host::{Call, Host};
use crate::memory;
use crate::types::rights;
use crate::wasi::Wasi;

impl Wasi {
    #[allow(clippy::too_many_arguments)]
    pub fn fd_readdir<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        buf: u32,
        buf_len: u32,
        cookie: u64,
        used: u32,
    ) -> Errno {
        answer(self.readdir(call, fd, (buf, buf_len), cookie, used))
    }

    fn readdir<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        (buf, len): (u32, u32),
        cookie: u64,
        used: u32,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::FD_READDIR)?;
        memory::bytes(call.mem, used, 4)?;
        let mut out = Listing {
            buf: memory::bytes_mut(call.mem, buf, len)?,
            used: 0,
        };
        list(call.fs, dir, cookie, &mut out)?;
        let filled = out.used as u32; // at most len
        memory::write_u32(call.mem, used, filled)
    }
}

/// Puts entries after `cookie` into the buffer until it is full; the last may be cut off.
fn list(fs: &FileSystem, dir: Id, cookie: u64, out: &mut Listing<'_>) -> Answer<()> {
    let directory = fs.directory(dir).map_err(|_| Errno::Notdir)?;
    if cookie < 1 && !out.add(fs, 1, ".", dir) {
        return Ok(());
    }
    if cookie < 2 && !out.add(fs, 2, "..", directory.parent) {
        return Ok(());
    }
    for (cookie, name, id) in directory.after_cookie(cookie) {
        if !out.add(fs, cookie, name, id) {
            break;
        }
    }
    Ok(())
}

/// A buffer being filled with entries.
struct Listing<'a> {
    buf: &'a mut [u8],
    used: usize,
}

impl Listing<'_> {
    /// Whether all of it fitted.
    fn add(&mut self, fs: &FileSystem, cookie: u64, name: &str, id: Id) -> bool {
        let inode = fs.inode(id);
        let mut head = [0; 24];
        head[0..8].copy_from_slice(&cookie.to_le_bytes());
        head[8..16].copy_from_slice(&inode.ino.to_le_bytes());
        head[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
        head[20] = inode.file_type() as u8;
        self.put(&head) && self.put(name.as_bytes())
    }

    fn put(&mut self, data: &[u8]) -> bool {
        let room = &mut self.buf[self.used..];
        let count = data.len().min(room.len());
        room[..count].copy_from_slice(&data[..count]);
        self.used += count;
        count == data.len()
    }
}
