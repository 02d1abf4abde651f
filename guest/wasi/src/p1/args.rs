//! Arguments and environment.

use alloc::string::String;

use crate::errno::{Answer, Errno, answer};
use crate::host::{Call, Host};
use crate::memory;
use crate::wasi::Wasi;

impl Wasi {
    pub fn args_get<H: Host>(&mut self, call: &mut Call<'_, H>, argv: u32, argv_buf: u32) -> Errno {
        answer(put_strings(call.mem, &self.args, argv, argv_buf))
    }

    pub fn args_sizes_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        argc: u32,
        argv_buf_size: u32,
    ) -> Errno {
        answer(put_sizes(call.mem, &self.args, argc, argv_buf_size))
    }

    pub fn environ_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        environ: u32,
        environ_buf: u32,
    ) -> Errno {
        answer(put_strings(call.mem, &self.env, environ, environ_buf))
    }

    pub fn environ_sizes_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        environc: u32,
        environ_buf_size: u32,
    ) -> Errno {
        answer(put_sizes(call.mem, &self.env, environc, environ_buf_size))
    }
}

/// Strings with their NULs at `buf`, their addresses at `pointers`.
fn put_strings(mem: &mut [u8], strings: &[String], pointers: u32, buf: u32) -> Answer<()> {
    let mut at = buf;
    for (index, text) in strings.iter().enumerate() {
        let index = u32::try_from(index).map_err(|_| Errno::Overflow)?;
        let len = u32::try_from(text.len()).map_err(|_| Errno::Overflow)?;
        memory::write_u32(mem, memory::element(pointers, index, 4)?, at)?;
        memory::write(mem, at, text.as_bytes())?;
        let end = at.checked_add(len).ok_or(Errno::Fault)?;
        memory::write(mem, end, &[0])?;
        at = end.checked_add(1).ok_or(Errno::Fault)?;
    }
    Ok(())
}

fn put_sizes(mem: &mut [u8], strings: &[String], count: u32, size: u32) -> Answer<()> {
    let bytes: usize = strings.iter().map(|text| text.len() + 1).sum();
    memory::write_u32(
        mem,
        count,
        u32::try_from(strings.len()).map_err(|_| Errno::Overflow)?,
    )?;
    memory::write_u32(
        mem,
        size,
        u32::try_from(bytes).map_err(|_| Errno::Overflow)?,
    )
}
