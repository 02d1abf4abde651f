//! Making, linking, renaming and removing names.

use alloc::string::String;

use super::path_read::follow;
use crate::errno::{Answer, Errno, answer};
use crate::fs::path::Last;
use crate::host::{Call, Host};
use crate::memory;
use crate::types::rights;
use crate::wasi::Wasi;

impl Wasi {
    pub fn path_create_directory<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(
            memory::path(call.mem, path, path_len)
                .and_then(|path| self.create_directory(call, fd, &path)),
        )
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
        let paths = paths(call, (old_path, old_len), (new_path, new_len));
        answer(paths.and_then(|(old, new)| {
            self.link(call, (old_fd, &old), follow(lookup)?, (new_fd, &new))
        }))
    }

    pub fn path_remove_directory<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(
            memory::path(call.mem, path, path_len)
                .and_then(|path| self.remove_directory(call, fd, &path)),
        )
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
        let paths = paths(call, (old_path, old_len), (new_path, new_len));
        answer(paths.and_then(|(old, new)| self.rename(call, (old_fd, &old), (new_fd, &new))))
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
        let paths = paths(call, (target, target_len), (path, path_len));
        answer(paths.and_then(|(target, path)| self.symlink(call, &target, fd, &path)))
    }

    pub fn path_unlink_file<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(memory::path(call.mem, path, path_len).and_then(|path| self.unlink(call, fd, &path)))
    }

    pub(crate) fn create_directory<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: &str,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_CREATE_DIRECTORY)?;
        let found = call.fs.resolve(dir, without_slashes(path), false)?;
        if found.id.is_some() {
            return Err(Errno::Exist);
        }
        let now = call.host.realtime();
        call.fs
            .create_directory(found.dir, found.name(Errno::Exist)?, now)
            .map(|_| ())
    }

    pub(crate) fn link<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (old_fd, old_path): (u32, &str),
        follow: bool,
        (new_fd, new_path): (u32, &str),
    ) -> Answer<()> {
        let old_dir = self.base(call.fs, old_fd, rights::PATH_LINK_SOURCE)?;
        let new_dir = self.base(call.fs, new_fd, rights::PATH_LINK_TARGET)?;
        let id = call
            .fs
            .resolve(old_dir, old_path, follow)?
            .existing(call.fs)?;
        let new = call.fs.resolve(new_dir, new_path, false)?;
        if new.id.is_some() {
            return Err(Errno::Exist);
        }
        if new.slash {
            return Err(Errno::Noent);
        }
        let now = call.host.realtime();
        call.fs.link(id, new.dir, new.name(Errno::Exist)?, now)
    }

    pub(crate) fn remove_directory<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: &str,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_REMOVE_DIRECTORY)?;
        let found = call.fs.resolve(dir, without_slashes(path), false)?;
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

    pub(crate) fn rename<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (old_fd, old_path): (u32, &str),
        (new_fd, new_path): (u32, &str),
    ) -> Answer<()> {
        let old_dir = self.base(call.fs, old_fd, rights::PATH_RENAME_SOURCE)?;
        let new_dir = self.base(call.fs, new_fd, rights::PATH_RENAME_TARGET)?;
        let old = call.fs.resolve(old_dir, old_path, false)?;
        let new = call.fs.resolve(new_dir, new_path, false)?;
        let now = call.host.realtime();
        call.fs.rename(&old, &new, now)
    }

    pub(crate) fn symlink<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        target: &str,
        fd: u32,
        path: &str,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_SYMLINK)?;
        if target.is_empty() {
            return Err(Errno::Noent);
        }
        if target.starts_with('/') {
            return Err(Errno::Notcapable);
        }
        let found = call.fs.resolve(dir, path, false)?;
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
            .create_symlink(found.dir, found.name(Errno::Exist)?, target, now)
            .map(|_| ())
    }

    pub(crate) fn unlink<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: &str,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_UNLINK_FILE)?;
        let found = call.fs.resolve(dir, path, false)?;
        found.existing(call.fs)?;
        // With a slash the name before it may be a symlink to the directory.
        if found.slash {
            return Err(Errno::Isdir);
        }
        let now = call.host.realtime();
        call.fs.unlink(found.dir, found.name(Errno::Isdir)?, now)
    }
}

/// A path that is to name a directory may end with slashes; alone they are the root. Without them a
/// symlink at its end is not followed: mkdir(2) finds it there, rmdir(2) no directory.
fn without_slashes(path: &str) -> &str {
    let name = path.trim_end_matches('/');
    if name.is_empty() { path } else { name }
}

/// Two path arguments, copied.
fn paths<H: Host>(
    call: &Call<'_, H>,
    (first, first_len): (u32, u32),
    (second, second_len): (u32, u32),
) -> Answer<(String, String)> {
    Ok((
        memory::path(call.mem, first, first_len)?,
        memory::path(call.mem, second, second_len)?,
    ))
}
