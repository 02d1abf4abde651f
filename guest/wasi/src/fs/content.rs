//! The bytes of a file: a slice of a layer until they are written, then a copy.

use alloc::vec::Vec;

use crate::errno::{Answer, Errno};

pub enum Content {
    /// Lies in a mapped layer.
    Shared(&'static [u8]),
    Owned(Vec<u8>),
}

impl Content {
    pub const fn empty() -> Self {
        Content::Shared(&[])
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Content::Shared(data) => data,
            Content::Owned(data) => data,
        }
    }

    pub fn len(&self) -> u64 {
        self.bytes().len() as u64
    }

    /// Copies what is at `offset` into `buf`; 0 at and beyond the end.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| self.bytes().get(at..))
            .unwrap_or(&[]);
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        count
    }

    /// Writes at `at`, filling a gap with zeros. The caller has checked the quota.
    pub fn write(&mut self, at: usize, data: &[u8]) -> Answer<()> {
        let end = at.checked_add(data.len()).ok_or(Errno::Fbig)?;
        let bytes = self.owned(end)?;
        if at == bytes.len() {
            bytes.extend_from_slice(data);
            return Ok(());
        }
        if end > bytes.len() {
            bytes.resize(end, 0);
        }
        bytes[at..end].copy_from_slice(data);
        Ok(())
    }

    /// Cuts or fills with zeros. The caller has checked the quota.
    pub fn set_len(&mut self, len: usize) -> Answer<()> {
        if let Content::Shared(data) = self
            && let Some(shorter) = data.get(..len)
        {
            *data = shorter;
            return Ok(());
        }
        let bytes = self.owned(len)?;
        bytes.resize(len, 0);
        if len == 0 {
            *self = Content::empty();
        }
        Ok(())
    }

    /// Copies what lies in a layer, which may be gone later.
    pub fn leave_layer(&mut self) -> Answer<()> {
        if self.len() > 0 {
            self.owned(0)?;
        }
        Ok(())
    }

    /// The bytes as a vector with room for `len` of them; it never aborts for want of memory.
    fn owned(&mut self, len: usize) -> Answer<&mut Vec<u8>> {
        if let Content::Shared(data) = self {
            let mut copy = Vec::new();
            copy.try_reserve_exact(len.max(data.len()))
                .map_err(|_| Errno::Nospc)?;
            copy.extend_from_slice(data);
            *self = Content::Owned(copy);
        }
        let Content::Owned(bytes) = self else {
            return Err(Errno::Io); // not reached: it was just made so
        };
        if let Some(more) = len.checked_sub(bytes.len())
            && bytes.try_reserve(more).is_err()
        {
            bytes.try_reserve_exact(more).map_err(|_| Errno::Nospc)?;
        }
        Ok(bytes)
    }
}
