//! Tars built by hand, independent of the crate's own writer.

/// Builds tars, also bad ones.
#[derive(Default, Clone)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    pub fn entry(mut self, kind: u8, path: &str, link: &str, data: &[u8]) -> Self {
        let mut block = [0_u8; 512];
        block[..path.len().min(100)].copy_from_slice(&path.as_bytes()[..path.len().min(100)]);
        block[100..107].copy_from_slice(b"0000644");
        block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        block[136..147].copy_from_slice(b"00000000012");
        block[156] = kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[257..265].copy_from_slice(b"ustar\x0000");
        self.0.extend_from_slice(&block);
        let start = self.0.len() - 512;
        self.seal(start);
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// Puts the checksum into the header at `start`.
    pub fn seal(&mut self, start: usize) {
        let block = &mut self.0[start..start + 512];
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }

    pub fn file(self, path: &str, data: &[u8]) -> Self {
        self.entry(b'0', path, "", data)
    }

    pub fn dir(self, path: &str) -> Self {
        self.entry(b'5', path, "", b"")
    }

    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(b'2', path, target, b"")
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(b'1', path, target, b"")
    }

    pub fn pax(self, records: &[(&str, &str)]) -> Self {
        let mut body = String::new();
        for (key, value) in records {
            let mut len = key.len() + value.len() + 3;
            while format!("{len} {key}={value}\n").len() != len {
                len += 1;
            }
            body.push_str(&format!("{len} {key}={value}\n"));
        }
        self.entry(b'x', "pax", "", body.as_bytes())
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}
