//! Listings of directories, and wasi:filesystem/preopens.

use alloc::string::String;
use alloc::vec::Vec;

use wasmtime::Result;
use wasmtime::component::Resource;

use super::descriptors::{File, descriptor_type};
use super::error_codes::error_code;
use super::wasi::filesystem::{preopens, types};
use crate::machine::State;

/// A listing: the descriptor of its directory, and where it stands.
pub struct Listing {
    pub fd: u32,
    pub cookie: u64,
}

impl types::HostDirectoryEntryStream for State {
    fn read_directory_entry(
        &mut self,
        listing: Resource<Listing>,
    ) -> Result<Result<Option<types::DirectoryEntry>, types::ErrorCode>> {
        let &Listing { fd, cookie } = self.resources.get(&listing)?;
        let entry = match self.world(|wasi, call| wasi.next_entry(call, fd, cookie))? {
            Ok(entry) => entry,
            Err(errno) => return Ok(Err(error_code(errno))),
        };
        if let Some(entry) = &entry {
            self.resources.get_mut(&listing)?.cookie = entry.cookie;
        }
        Ok(Ok(entry.map(|entry| types::DirectoryEntry {
            type_: descriptor_type(entry.filetype),
            name: entry.name,
        })))
    }

    fn drop(&mut self, listing: Resource<Listing>) -> Result<()> {
        let Listing { fd, .. } = self.resources.delete(listing)?;
        self.world(|wasi, call| wasi.close_fd(call, fd))
    }
}

impl preopens::Host for State {
    fn get_directories(&mut self) -> Result<Vec<(Resource<File>, String)>> {
        let given = self.world_or_trap(|wasi, call| wasi.directories(call))?;
        let files = given
            .into_iter()
            .map(|(fd, name)| (Resource::new_own(fd), name));
        Ok(files.collect())
    }
}
