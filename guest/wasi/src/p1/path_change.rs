//! Making, linking, renaming and removing names.

use super::path_read::follow;
use crate::errno::{Answer, Errno, answer};
use crate::fs::path::Last;
use crate::host::{Call, Host};
use crate::memory;
use crate::types::rights;
use crate::wasi::Wasi;

/// A path argument: the descriptor it starts from, address, length.
type PathArg = (u32, u32, u32);

impl Wasi {
    pub fn path_create_directory<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(self.create_directory(call, (fd, path, path_len)))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn path_link<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        old_fd: u32,
        lookup: u32,
        old_path: u32,
        old_len: u32,
        new_fd: u32,
        new_path: u32,
        new_len: u32,
    ) -> Errno {
        answer(self.link(
            call,
            (old_fd, old_path, old_len),
            lookup,
            (new_fd, new_path, new_len),
        ))
    }

    pub fn path_remove_directory<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(self.remove_directory(call, (fd, path, path_len)))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn path_rename<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        old_fd: u32,
        old_path: u32,
        old_len: u32,
        new_fd: u32,
        new_path: u32,
        new_len: u32,
    ) -> Errno {
        answer(self.rename(
            call,
            (old_fd, old_path, old_len),
            (new_fd, new_path, new_len),
        ))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn path_symlink<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        target: u32,
        target_len: u32,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(self.symlink(call, (target, target_len), (fd, path, path_len)))
    }

    pub fn path_unlink_file<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(self.unlink(call, (fd, path, path_len)))
    }

    fn create_directory<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (fd, path, len): PathArg,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_CREATE_DIRECTORY)?;
        let path = memory::path(call.mem, path, len)?;
        let found = call.fs.resolve(dir, &path, false)?;
        if found.id.is_some() {
            return Err(Errno::Exist);
        }
        let now = call.host.realtime();
        call.fs
            .create_directory(found.dir, found.name(Errno::Exist)?, now)
            .map(|_| ())
    }

    fn link<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (old_fd, old_path, old_len): PathArg,
        lookup: u32,
        (new_fd, new_path, new_len): PathArg,
    ) -> Answer<()> {
        let old_dir = self.base(call.fs, old_fd, rights::PATH_LINK_SOURCE)?;
        let new_dir = self.base(call.fs, new_fd, rights::PATH_LINK_TARGET)?;
        let old_path = memory::path(call.mem, old_path, old_len)?;
        let new_path = memory::path(call.mem, new_path, new_len)?;
        let id = call
            .fs
            .resolve(old_dir, &old_path, follow(lookup)?)?
            .existing(call.fs)?;
        let new = call.fs.resolve(new_dir, &new_path, false)?;
        if new.id.is_some() {
            return Err(Errno::Exist);
        }
        if new.slash {
            return Err(Errno::Noent);
        }
        let now = call.host.realtime();
        call.fs.link(id, new.dir, new.name(Errno::Exist)?, now)
    }

    fn remove_directory<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (fd, path, len): PathArg,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_REMOVE_DIRECTORY)?;
        let path = memory::path(call.mem, path, len)?;
        let found = call.fs.resolve(dir, path.trim_end_matches('/'), false)?;
        found.existing(call.fs)?;
        let special = if found.last == Last::Dot {
            Errno::Inval
        } else {
            Errno::Notempty
        };
        let now = call.host.realtime();
        call.fs
            .remove_directory(found.dir, found.name(special)?, now)
    }

    fn rename<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (old_fd, old_path, old_len): PathArg,
        (new_fd, new_path, new_len): PathArg,
    ) -> Answer<()> {
        let old_dir = self.base(call.fs, old_fd, rights::PATH_RENAME_SOURCE)?;
        let new_dir = self.base(call.fs, new_fd, rights::PATH_RENAME_TARGET)?;
        let old_path = memory::path(call.mem, old_path, old_len)?;
        let new_path = memory::path(call.mem, new_path, new_len)?;
        let old = call.fs.resolve(old_dir, &old_path, false)?;
        let new = call.fs.resolve(new_dir, &new_path, false)?;
        let now = call.host.realtime();
        call.fs.rename(&old, &new, now)
    }

    fn symlink<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (target, target_len): (u32, u32),
        (fd, path, len): PathArg,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_SYMLINK)?;
        let target = memory::path(call.mem, target, target_len)?;
        let path = memory::path(call.mem, path, len)?;
        if target.is_empty() {
            return Err(Errno::Noent);
        }
        if target.starts_with('/') {
            return Err(Errno::Notcapable);
        }
        let found = call.fs.resolve(dir, &path, false)?;
        if let Some(id) = found.id {
            let through_file = found.slash && !call.fs.is_directory(id);
            return Err(if through_file {
                Errno::Notdir
            } else {
                Errno::Exist
            });
        }
        if found.slash {
            return Err(Errno::Noent);
        }
        let now = call.host.realtime();
        call.fs
            .create_symlink(found.dir, found.name(Errno::Exist)?, &target, now)
            .map(|_| ())
    }

    fn unlink<H: Host>(&self, call: &mut Call<'_, H>, (fd, path, len): PathArg) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_UNLINK_FILE)?;
        let path = memory::path(call.mem, path, len)?;
        let found = call.fs.resolve(dir, &path, false)?;
        found.existing(call.fs)?;
        // With a slash the name before it may be a symlink to the directory.
        if found.slash {
            return Err(Errno::Isdir);
        }
        let now = call.host.realtime();
        call.fs.unlink(found.dir, found.name(Errno::Isdir)?, now)
    }
}
