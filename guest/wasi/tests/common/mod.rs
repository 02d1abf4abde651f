//! A world for tests: a host in plain Rust, a small memory, tars built by hand.
#![allow(dead_code, unused_imports)]

mod tar;

pub use tar::Tar;

use hypercell_wasi::{Call, Errno, FileSystem, Host, Mode, Wasi};

/// Rights that a libc asks for.
pub const ALL: u64 = (1 << 28) - 1;
pub const READ: u64 = 1 << 1;
pub const WRITE: u64 = 1 << 6;
/// Everything that may be asked of a file, but for writing.
pub const READING: u64 = ALL & !(WRITE | 1 << 8 | 1 << 22);
pub const CREAT: u32 = 1;
pub const DIRECTORY: u32 = 2;
pub const EXCL: u32 = 4;
pub const TRUNC: u32 = 8;

const OUT: u32 = 0x100;
const PATH: u32 = 0x1000;
const PATH2: u32 = 0x3000;
pub const BUF: u32 = 0x5000;
pub const MEMORY: usize = 0x2_0000;

pub type Deferred = Box<dyn FnMut(&mut FileSystem)>;

#[derive(Default)]
pub struct TestHost {
    pub out: Vec<u8>,
    pub input: Vec<u8>,
    pub now: u64,
    pub slept: Vec<u64>,
    pub deferred: Option<Deferred>,
    pub deferrals: u32,
}

impl Host for TestHost {
    fn write(&mut self, _stream: u32, data: &[u8]) {
        // Enough to look at; a random program may write gigabytes.
        self.out.extend_from_slice(&data[..data.len().min(4096)]);
        self.out.truncate(1 << 20);
    }
    fn read_stdin(&mut self, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.input.len());
        buf[..count].copy_from_slice(&self.input[..count]);
        self.input.drain(..count);
        count
    }
    fn realtime(&mut self) -> u64 {
        self.now += 1;
        1_700_000_000_000_000_000 + self.now
    }
    fn monotonic(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
    fn random(&mut self, buf: &mut [u8]) {
        buf.fill(4);
    }
    fn sleep(&mut self, nanoseconds: u64) {
        self.slept.push(nanoseconds);
    }
    fn deferred(&mut self, fs: &mut FileSystem) {
        self.deferrals += 1;
        if let Some(action) = &mut self.deferred {
            action(fs);
        }
    }
}

/// A program's world with short methods; every answer is checked by the caller.
pub struct World {
    pub fs: FileSystem,
    pub host: TestHost,
    pub wasi: Wasi,
    pub mem: Vec<u8>,
}

impl World {
    /// `/home` over `tar`, preopened as fd 3; `/tmp` as fd 4; `/` as fd 5.
    pub fn new(tar: Vec<u8>) -> World {
        let mut fs = FileSystem::new(1);
        fs.mount("/home", leak(tar), Mode::Home, 2).unwrap();
        fs.mount("/tmp", &[], Mode::Tmp, 2).unwrap();
        World::over(fs)
    }

    pub fn over(mut fs: FileSystem) -> World {
        let preopens = ["/home", "/tmp", "/"].map(String::from);
        let wasi = Wasi::new(&mut fs, vec!["t".into()], vec![], &preopens, true).unwrap();
        World {
            fs,
            host: TestHost::default(),
            wasi,
            mem: vec![0; MEMORY],
        }
    }

    pub fn with<T>(&mut self, f: impl FnOnce(&mut Wasi, &mut Call<'_, TestHost>) -> T) -> T {
        let mut call = Call {
            fs: &mut self.fs,
            host: &mut self.host,
            mem: &mut self.mem,
        };
        f(&mut self.wasi, &mut call)
    }

    pub fn text(&mut self, at: u32, text: &str) -> u32 {
        self.mem[at as usize..][..text.len()].copy_from_slice(text.as_bytes());
        text.len() as u32
    }

    pub fn u32_at(&self, at: u32) -> u32 {
        u32::from_le_bytes(self.mem[at as usize..][..4].try_into().unwrap())
    }

    pub fn u64_at(&self, at: u32) -> u64 {
        u64::from_le_bytes(self.mem[at as usize..][..8].try_into().unwrap())
    }

    pub fn open_as(
        &mut self,
        dir: u32,
        path: &str,
        oflags: u32,
        rights: u64,
        fdflags: u32,
    ) -> Result<u32, Errno> {
        let len = self.text(PATH, path);
        let errno = self.with(|wasi, call| {
            wasi.path_open(call, dir, 1, PATH, len, oflags, rights, ALL, fdflags, OUT)
        });
        result(errno).map(|()| self.u32_at(OUT))
    }

    pub fn open(&mut self, dir: u32, path: &str, oflags: u32) -> Result<u32, Errno> {
        let rights = if oflags & DIRECTORY != 0 {
            READING
        } else {
            ALL
        };
        self.open_as(dir, path, oflags, rights, 0)
    }

    pub fn close(&mut self, fd: u32) -> Result<(), Errno> {
        result(self.with(|wasi, call| wasi.fd_close(call, fd)))
    }

    pub fn write(&mut self, fd: u32, data: &[u8]) -> Result<u32, Errno> {
        self.mem[BUF as usize..][..data.len()].copy_from_slice(data);
        self.iovec(BUF, data.len() as u32);
        let errno = self.with(|wasi, call| wasi.fd_write(call, fd, OUT + 16, 1, OUT));
        result(errno).map(|()| self.u32_at(OUT))
    }

    pub fn pwrite(&mut self, fd: u32, data: &[u8], at: u64) -> Result<u32, Errno> {
        self.mem[BUF as usize..][..data.len()].copy_from_slice(data);
        self.iovec(BUF, data.len() as u32);
        let errno = self.with(|wasi, call| wasi.fd_pwrite(call, fd, OUT + 16, 1, at, OUT));
        result(errno).map(|()| self.u32_at(OUT))
    }

    pub fn read(&mut self, fd: u32, len: u32) -> Result<Vec<u8>, Errno> {
        self.iovec(BUF, len);
        let errno = self.with(|wasi, call| wasi.fd_read(call, fd, OUT + 16, 1, OUT));
        result(errno)?;
        let got = self.u32_at(OUT) as usize;
        Ok(self.mem[BUF as usize..][..got].to_vec())
    }

    fn iovec(&mut self, at: u32, len: u32) {
        let place = (OUT + 16) as usize;
        self.mem[place..place + 4].copy_from_slice(&at.to_le_bytes());
        self.mem[place + 4..place + 8].copy_from_slice(&len.to_le_bytes());
    }

    pub fn seek(&mut self, fd: u32, offset: i64, whence: u32) -> Result<u64, Errno> {
        let errno = self.with(|wasi, call| wasi.fd_seek(call, fd, offset as u64, whence, OUT));
        result(errno).map(|()| self.u64_at(OUT))
    }

    /// Type, size, inode and links.
    pub fn stat(
        &mut self,
        dir: u32,
        path: &str,
        follow: u32,
    ) -> Result<(u8, u64, u64, u64), Errno> {
        let len = self.text(PATH, path);
        let errno =
            self.with(|wasi, call| wasi.path_filestat_get(call, dir, follow, PATH, len, OUT));
        result(errno)?;
        let kind = self.mem[OUT as usize + 16];
        Ok((
            kind,
            self.u64_at(OUT + 32),
            self.u64_at(OUT + 8),
            self.u64_at(OUT + 24),
        ))
    }

    pub fn mkdir(&mut self, dir: u32, path: &str) -> Result<(), Errno> {
        let len = self.text(PATH, path);
        result(self.with(|wasi, call| wasi.path_create_directory(call, dir, PATH, len)))
    }

    pub fn rmdir(&mut self, dir: u32, path: &str) -> Result<(), Errno> {
        let len = self.text(PATH, path);
        result(self.with(|wasi, call| wasi.path_remove_directory(call, dir, PATH, len)))
    }

    pub fn unlink(&mut self, dir: u32, path: &str) -> Result<(), Errno> {
        let len = self.text(PATH, path);
        result(self.with(|wasi, call| wasi.path_unlink_file(call, dir, PATH, len)))
    }

    pub fn symlink(&mut self, target: &str, dir: u32, path: &str) -> Result<(), Errno> {
        let (a, b) = (self.text(PATH, target), self.text(PATH2, path));
        result(self.with(|wasi, call| wasi.path_symlink(call, PATH, a, dir, PATH2, b)))
    }

    pub fn readlink(&mut self, dir: u32, path: &str, room: u32) -> Result<String, Errno> {
        let len = self.text(PATH, path);
        let errno =
            self.with(|wasi, call| wasi.path_readlink(call, dir, PATH, len, BUF, room, OUT));
        result(errno)?;
        let used = self.u32_at(OUT) as usize;
        Ok(String::from_utf8(self.mem[BUF as usize..][..used].to_vec()).unwrap())
    }

    pub fn rename(
        &mut self,
        old_dir: u32,
        old: &str,
        new_dir: u32,
        new: &str,
    ) -> Result<(), Errno> {
        let (a, b) = (self.text(PATH, old), self.text(PATH2, new));
        result(self.with(|wasi, call| wasi.path_rename(call, old_dir, PATH, a, new_dir, PATH2, b)))
    }

    pub fn link(&mut self, old_dir: u32, old: &str, new_dir: u32, new: &str) -> Result<(), Errno> {
        let (a, b) = (self.text(PATH, old), self.text(PATH2, new));
        result(self.with(|wasi, call| wasi.path_link(call, old_dir, 0, PATH, a, new_dir, PATH2, b)))
    }

    /// Entries after a cookie: next cookie and name, as many as fit in `room` bytes.
    pub fn readdir(
        &mut self,
        fd: u32,
        cookie: u64,
        room: u32,
    ) -> Result<Vec<(u64, String)>, Errno> {
        let errno = self.with(|wasi, call| wasi.fd_readdir(call, fd, BUF, room, cookie, OUT));
        result(errno)?;
        let used = self.u32_at(OUT) as usize;
        let mut data = &self.mem[BUF as usize..][..used];
        let mut entries = Vec::new();
        while data.len() >= 24 {
            let next = u64::from_le_bytes(data[..8].try_into().unwrap());
            let len = u32::from_le_bytes(data[16..20].try_into().unwrap()) as usize;
            assert_eq!(data[21..24], [0; 3], "padding");
            let Some(name) = data.get(24..24 + len) else {
                break;
            };
            entries.push((next, String::from_utf8(name.to_vec()).unwrap()));
            data = &data[24 + len..];
        }
        Ok(entries)
    }

    pub fn put(&mut self, dir: u32, path: &str, data: &[u8]) {
        let fd = self.open(dir, path, CREAT | TRUNC).unwrap();
        for piece in data.chunks(4096) {
            assert_eq!(self.write(fd, piece), Ok(piece.len() as u32));
        }
        self.close(fd).unwrap();
    }

    pub fn export(&mut self, max: usize) -> Vec<u8> {
        self.export_of("/home", max)
    }

    pub fn export_of(&mut self, path: &str, max: usize) -> Vec<u8> {
        let mut tar = Vec::new();
        loop {
            let (more, piece) = self.fs.export(path, max);
            assert!(piece.len() <= max.max(512));
            tar.extend_from_slice(&piece);
            if !more {
                return tar;
            }
        }
    }
}

pub fn result(errno: Errno) -> Result<(), Errno> {
    if errno == Errno::Success {
        Ok(())
    } else {
        Err(errno)
    }
}

/// Layers live as long as the VM; tests are short.
pub fn leak(data: Vec<u8>) -> &'static [u8] {
    Vec::leak(data)
}

/// A small generator: tests are the same each time.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

/// Everything below a directory: path, and what it is ("dir", "link TARGET", or contents).
pub fn tree(fs: &mut FileSystem, path: &str) -> Vec<(String, String)> {
    let wasi = Wasi::new(fs, vec![], vec![], &[path.to_string()], false).unwrap();
    let fs_taken = std::mem::replace(fs, FileSystem::new(0));
    let mut world = World {
        fs: fs_taken,
        host: TestHost::default(),
        wasi,
        mem: vec![0; MEMORY],
    };
    let mut out = Vec::new();
    walk(&mut world, "", &mut out);
    world.wasi.close(&mut world.fs);
    *fs = world.fs;
    out.sort();
    out
}

fn walk(world: &mut World, path: &str, out: &mut Vec<(String, String)>) {
    let here = if path.is_empty() { "." } else { path };
    let dir = world.open_as(3, here, DIRECTORY, READING, 0).unwrap();
    let mut cookie = 0;
    let mut names = Vec::new();
    loop {
        let some = world.readdir(dir, cookie, 4096).unwrap();
        let Some((next, _)) = some.last() else { break };
        cookie = *next;
        names.extend(some.into_iter().map(|(_, name)| name));
    }
    world.close(dir).unwrap();
    for name in names
        .iter()
        .filter(|name| !matches!(name.as_str(), "." | ".."))
    {
        let child = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        let (kind, size, ..) = world.stat(3, &child, 0).unwrap();
        let what = match kind {
            3 => "dir".into(),
            7 => format!("link {}", world.readlink(3, &child, 4096).unwrap()),
            _ => {
                let fd = world.open_as(3, &child, 0, READING, 0).unwrap();
                let mut data = Vec::new();
                while let Ok(piece) = world.read(fd, 4096)
                    && !piece.is_empty()
                {
                    data.extend(piece);
                }
                world.close(fd).unwrap();
                assert_eq!(data.len() as u64, size);
                format!(
                    "{} {:?}",
                    data.len(),
                    String::from_utf8_lossy(&data[..data.len().min(40)])
                )
            }
        };
        let directory = what == "dir";
        out.push((child.clone(), what));
        if directory {
            walk(world, &child, out);
        }
    }
}
