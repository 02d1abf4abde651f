//! Reads a tar that lies in memory: ustar, pax and GNU long names. It copies no contents.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::header::{self, BLOCK};
use crate::limits::MAX_TAR_HEADER;

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    File(&'a [u8]),
    Directory,
    Symlink(Cow<'a, str>),
    /// Another name of an entry before.
    Link(Cow<'a, str>),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub path: Cow<'a, str>,
    pub kind: Kind<'a>,
    /// Nanoseconds since 1970.
    pub mtime: u64,
}

/// The entries of a tar, until its end mark or its end.
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

/// What extended headers say about the next entry.
#[derive(Default)]
struct Extended<'a> {
    path: Option<Cow<'a, str>>,
    link: Option<Cow<'a, str>>,
    size: Option<u64>,
    mtime: Option<u64>,
}

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Reader { data, at: 0 }
    }

    /// The next entry.
    ///
    /// # Errors
    /// What is damaged or unsupported, and where.
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, String> {
        let mut extended = Extended::default();
        loop {
            let start = self.at;
            let here = |what: &str| format!("{what} at byte {start} of the tar");
            let rest = &self.data[start..];
            if rest.is_empty() {
                return Ok(None);
            }
            let block = rest.get(..BLOCK).ok_or_else(|| here("a cut-off header"))?;
            if block.iter().all(|byte| *byte == 0) {
                self.at = self.data.len();
                return Ok(None);
            }
            let fields = header::parse(block).map_err(here)?;
            self.at += BLOCK;
            let declared = match fields.kind {
                b'L' | b'K' | b'x' | b'g' => fields.size,
                b'0' | 0 | b'7' => extended.size.unwrap_or(fields.size),
                // Links and directories have no data, whatever their size field says.
                _ => 0,
            };
            let data = self.take(declared).ok_or_else(|| here("cut-off data"))?;
            if matches!(fields.kind, b'L' | b'K' | b'x' | b'g') && data.len() > MAX_TAR_HEADER {
                return Err(here("an extended header of more than a MiB"));
            }
            match fields.kind {
                b'L' => {
                    extended.path = Some(gnu_name(data).ok_or_else(|| here("a bad long name"))?)
                }
                b'K' => {
                    extended.link = Some(gnu_name(data).ok_or_else(|| here("a bad long link"))?)
                }
                b'x' => pax(data, &mut extended).map_err(here)?,
                b'g' => pax(data, &mut Extended::default()).map_err(here)?,
                kind => {
                    let mtime = extended
                        .mtime
                        .unwrap_or(fields.mtime.saturating_mul(1_000_000_000));
                    let text = |bytes| {
                        core::str::from_utf8(bytes).map_err(|_| here("a name that is not UTF-8"))
                    };
                    let path = match extended.path {
                        Some(path) => path,
                        None if fields.prefix.is_empty() => Cow::Borrowed(text(fields.name)?),
                        None => {
                            Cow::Owned(format!("{}/{}", text(fields.prefix)?, text(fields.name)?))
                        }
                    };
                    let link = match extended.link {
                        Some(link) => link,
                        None => Cow::Borrowed(text(fields.link)?),
                    };
                    let kind = match kind {
                        // Very old tars know a directory by its slash only.
                        b'0' | 0 | b'7' if path.ends_with('/') => Kind::Directory,
                        b'0' | 0 | b'7' => Kind::File(data),
                        b'1' => Kind::Link(link),
                        b'2' => Kind::Symlink(link),
                        b'5' => Kind::Directory,
                        b'3' | b'4' | b'6' => return Err(here("a device or pipe")),
                        _ => return Err(here("an entry of unknown type")),
                    };
                    return Ok(Some(Entry { path, kind, mtime }));
                }
            }
        }
    }

    /// The data of an entry; skips its padding, which the last entry may lack.
    fn take(&mut self, size: u64) -> Option<&'a [u8]> {
        let size = usize::try_from(size).ok()?;
        let end = self.at.checked_add(size)?;
        let data = self.data.get(self.at..end)?;
        self.at = end.checked_next_multiple_of(BLOCK)?.min(self.data.len());
        Some(data)
    }
}

fn gnu_name(data: &[u8]) -> Option<Cow<'_, str>> {
    let end = data
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(data.len());
    core::str::from_utf8(&data[..end]).ok().map(Cow::Borrowed)
}

/// Reads records "LENGTH KEY=VALUE\n".
fn pax<'a>(mut data: &'a [u8], out: &mut Extended<'a>) -> Result<(), &'static str> {
    const BAD: &str = "a bad pax header";
    while !data.is_empty() {
        let space = data.iter().position(|byte| *byte == b' ').ok_or(BAD)?;
        let length = decimal(&data[..space])
            .and_then(|n| usize::try_from(n).ok())
            .ok_or(BAD)?;
        let record = data.get(space + 1..length).ok_or(BAD)?;
        let record = record.strip_suffix(b"\n").ok_or(BAD)?;
        data = &data[length..];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(BAD)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        let text = || {
            core::str::from_utf8(value)
                .map(Cow::Borrowed)
                .map_err(|_| BAD)
        };
        match key {
            b"path" => out.path = Some(text()?),
            b"linkpath" => out.link = Some(text()?),
            b"size" => out.size = Some(decimal(value).ok_or(BAD)?),
            b"mtime" => out.mtime = Some(seconds(value).ok_or(BAD)?),
            _ if key.starts_with(b"GNU.sparse.") => return Err("a sparse file"),
            _ => {}
        }
    }
    Ok(())
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// "12.5" in nanoseconds; times before 1970 become 1970.
fn seconds(value: &[u8]) -> Option<u64> {
    if value.starts_with(b"-") {
        return Some(0);
    }
    let dot = value
        .iter()
        .position(|byte| *byte == b'.')
        .unwrap_or(value.len());
    let whole = decimal(&value[..dot])?.saturating_mul(1_000_000_000);
    let mut unit = 100_000_000;
    let mut nanos = 0;
    for digit in value.get(dot + 1..).unwrap_or(&[]) {
        nanos += digit.is_ascii_digit().then(|| u64::from(digit - b'0'))? * unit;
        unit /= 10;
    }
    Some(whole.saturating_add(nanos))
}
