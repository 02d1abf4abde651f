//! The encoding of commands and replies: u32, u64, byte strings, lists; little-endian.

use alloc::vec::Vec;
use core::fmt;

/// Why bytes could not be read as fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// A field needs so many bytes, but only so many are left.
    Short { needed: usize, left: usize },
    /// A string is not UTF-8.
    NotText,
    /// So many bytes follow the last field.
    Rest(usize),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { needed, left } => {
                write!(f, "a field of {needed} bytes, but {left} are left")
            }
            Self::NotText => f.write_str("a string that is not UTF-8"),
            Self::Rest(count) => write!(f, "{count} bytes too many"),
        }
    }
}

/// Takes fields from bytes, in order.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
}

impl<'a> Reader<'a> {
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    /// Takes so many bytes as they are.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn raw(&mut self, size: usize) -> Result<&'a [u8], WireError> {
        let short = WireError::Short {
            needed: size,
            left: self.data.len(),
        };
        let (piece, rest) = self.data.split_at_checked(size).ok_or(short)?;
        self.data = rest;
        Ok(piece)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.raw(N)?);
        Ok(bytes)
    }

    /// # Errors
    /// Fewer than 4 bytes are left.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    /// # Errors
    /// Fewer than 8 bytes are left.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    /// # Errors
    /// Fewer than 16 bytes are left.
    pub fn u128(&mut self) -> Result<u128, WireError> {
        self.array().map(u128::from_le_bytes)
    }

    /// A byte string: its length as u32, then the bytes.
    ///
    /// # Errors
    /// It reaches over the end.
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let size = self.u32()?;
        self.raw(size as usize)
    }

    /// A byte string that is UTF-8.
    ///
    /// # Errors
    /// It is not, or it reaches over the end.
    pub fn str(&mut self) -> Result<&'a str, WireError> {
        core::str::from_utf8(self.bytes()?).map_err(|_| WireError::NotText)
    }

    /// A list: its count as u32, then the items.
    ///
    /// # Errors
    /// An item cannot be read.
    pub fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let count = self.u32()?;
        // Not reserved ahead: the count is not checked, but each item takes bytes.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub const fn end(self) -> Result<(), WireError> {
        match self.data.len() {
            0 => Ok(()),
            count => Err(WireError::Rest(count)),
        }
    }
}

/// Appends fields to a byte string.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    data: Vec<u8>,
}

impl Writer {
    #[must_use]
    pub const fn new() -> Self {
        Self { data: Vec::new() }
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub fn u128(&mut self, value: u128) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// # Panics
    /// The value is 4 GiB or longer, which no reply area can hold.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        let length = u32::try_from(value.len()).expect("a field below 4 GiB");
        self.u32(length).raw(value)
    }

    pub fn str(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.data.extend_from_slice(value);
        self
    }

    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::new();
        writer
            .u32(7)
            .u64(u64::MAX)
            .u128(1 << 100)
            .str("größer")
            .u32(2)
            .u32(5)
            .u32(6);
        let data = writer.done();
        let mut reader = Reader::new(&data);
        assert_eq!(reader.u32(), Ok(7));
        assert_eq!(reader.u64(), Ok(u64::MAX));
        assert_eq!(reader.u128(), Ok(1 << 100));
        assert_eq!(reader.str(), Ok("größer"));
        assert_eq!(reader.list(Reader::u32), Ok([5, 6].to_vec()));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn a_length_over_the_end_is_an_error() {
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 1]);
        let error = WireError::Short {
            needed: 0xffff_ffff,
            left: 1,
        };
        assert_eq!(reader.bytes(), Err(error));
    }

    #[test]
    fn a_wild_count_takes_no_memory() {
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0]);
        assert!(reader.list(Reader::u32).is_err());
    }

    #[test]
    fn text_is_checked_and_a_rest_is_noticed() {
        let mut reader = Reader::new(&[1, 0, 0, 0, 0xff, 9]);
        assert_eq!(reader.str(), Err(WireError::NotText));
        assert_eq!(reader.end(), Err(WireError::Rest(1)));
    }
}
