//! Directories: their entries, and those that a program begins with.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::errno::Answer;
use crate::fd_table::{Descriptor, Target};
use crate::host::{Call, Host};
use crate::types::{FileType, rights};
use crate::wasi::Wasi;

/// An entry of a directory. `cookie`: its place, from which the listing goes on.
pub struct Listed {
    pub cookie: u64,
    pub name: String,
    pub filetype: FileType,
}

/// The cookies of `.` and `..`, which WASI 0.2 does not list.
const DOTS: u64 = 2;

impl Wasi {
    /// A descriptor of its own for a listing.
    ///
    /// # Errors
    /// It is no directory, or too many descriptors.
    pub fn read_directory<H: Host>(&mut self, call: &mut Call<'_, H>, fd: u32) -> Answer<u32> {
        let id = self.base(call.fs, fd, rights::FD_READDIR)?;
        self.add_stream(call, Target::Node(id), rights::FD_READDIR, 0, 0)
    }

    /// The entry after `cookie` (0: the first).
    ///
    /// # Errors
    /// It is no directory.
    pub fn next_entry<H: Host>(
        &self,
        call: &Call<'_, H>,
        fd: u32,
        cookie: u64,
    ) -> Answer<Option<Listed>> {
        let dir = self.base(call.fs, fd, rights::FD_READDIR)?;
        let mut rest = call.fs.directory(dir)?.after_cookie(cookie.max(DOTS));
        Ok(rest.next().map(|(cookie, name, id)| Listed {
            cookie,
            name: name.to_string(),
            filetype: call.fs.inode(id).file_type(),
        }))
    }

    /// New descriptors of the directories that the program was given, with their names.
    ///
    /// # Errors
    /// Too many descriptors.
    pub fn directories<H: Host>(&mut self, call: &mut Call<'_, H>) -> Answer<Vec<(u32, String)>> {
        let given: Vec<(Target, String)> = self
            .fds
            .iter()
            .filter_map(|descriptor| Some((descriptor.target, descriptor.preopen.clone()?)))
            .collect();
        let open = |(target, name)| {
            let descriptor = Descriptor {
                target,
                rights: rights::DIRECTORY,
                inheriting: rights::INHERITING,
                flags: 0,
                position: 0,
                preopen: None,
            };
            Ok((self.add_held(call, descriptor)?, name))
        };
        given.into_iter().map(open).collect()
    }
}
