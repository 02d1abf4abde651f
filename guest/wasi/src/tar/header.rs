//! The 512-byte header of a tar entry, read and written.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub const BLOCK: usize = 512;

/// The fields of a header that matter here, checked.
pub struct Fields<'a> {
    pub name: &'a [u8],
    pub prefix: &'a [u8],
    pub link: &'a [u8],
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: u64,
    pub kind: u8,
}

/// Reads a header block.
///
/// # Errors
/// What is wrong with it.
pub fn parse(block: &[u8]) -> Result<Fields<'_>, &'static str> {
    let sum = number(&block[148..156]).ok_or("a bad checksum field")?;
    let bytes: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let field: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
    if sum != bytes - field + 8 * u64::from(b' ') {
        return Err("a wrong checksum");
    }
    // GNU's old format puts other things where POSIX has the prefix.
    let posix = &block[257..263] == b"ustar\0";
    Ok(Fields {
        name: text(&block[..100]),
        prefix: if posix { text(&block[345..500]) } else { &[] },
        link: text(&block[157..257]),
        size: number(&block[124..136]).ok_or("a bad size")?,
        mtime: number(&block[136..148]).unwrap_or(0),
        kind: block[156],
    })
}

fn text(field: &[u8]) -> &[u8] {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    &field[..end]
}

/// Octal digits, or GNU's base 256; None for a negative or damaged one.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let first = u64::from(field[0] & 0x7F);
        return field[1..].iter().try_fold(first, |value, byte| {
            value.checked_mul(256).map(|value| value | u64::from(*byte))
        });
    }
    let digits = field.trim_ascii();
    let end = digits
        .iter()
        .position(|byte| *byte == 0 || *byte == b' ')
        .unwrap_or(digits.len());
    digits[..end].iter().try_fold(0_u64, |value, digit| {
        let digit = (b'0'..=b'7')
            .contains(digit)
            .then(|| u64::from(digit - b'0'))?;
        value.checked_mul(8)?.checked_add(digit)
    })
}

/// Appends the header of an entry, with a pax header before it where a name is too long for ustar.
pub fn append(out: &mut Vec<u8>, path: &str, link: &str, kind: u8, size: u64, mtime: u64) {
    if path.len() > 100 || link.len() > 100 {
        let mut records = String::new();
        for (key, value) in [("path", path), ("linkpath", link)] {
            if value.len() > 100 {
                records.push_str(&record(key, value));
            }
        }
        block(out, "pax", "", b'x', records.len() as u64, mtime);
        out.extend_from_slice(records.as_bytes());
        pad(out);
    }
    block(out, path, link, kind, size, mtime);
}

/// Fills up to the next block.
pub fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// As much of a name as the header holds, still UTF-8; the pax header has all of it.
fn shortened(name: &str) -> &[u8] {
    &name.as_bytes()[..name.floor_char_boundary(100)]
}

/// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + format!("{length}").len() != length {
        length = rest + format!("{length}").len();
    }
    format!("{length} {key}={value}\n")
}

fn block(out: &mut Vec<u8>, path: &str, link: &str, kind: u8, size: u64, mtime: u64) {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, room: usize, bytes: &[u8]| {
        let count = bytes.len().min(room);
        header[at..at + count].copy_from_slice(&bytes[..count]);
    };
    put(0, 100, shortened(path));
    put(
        100,
        8,
        if kind == b'5' {
            b"0000755\0"
        } else {
            b"0000644\0"
        },
    );
    put(108, 8, b"0000000\0");
    put(116, 8, b"0000000\0");
    // Quotas keep both far below what eleven octal digits hold.
    put(124, 12, format!("{size:011o}\0").as_bytes());
    put(
        136,
        12,
        format!("{:011o}\0", mtime.min(0o77_777_777_777)).as_bytes(),
    );
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, 100, shortened(link));
    put(257, 8, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(&header);
}
