//! Paths below a directory: what WASI 0.1 does, with paths that are texts already.

use alloc::string::{String, ToString};

use crate::errno::{Answer, Errno};
use crate::host::{Call, Host};
use crate::memory::check_path;
use crate::p1::path_open::How;
use crate::types::{FileStat, rights};
use crate::wasi::Wasi;

/// How to open. `flags`: `open-flags` as they stand in the interface, which are `oflags` too.
#[derive(Clone, Copy)]
pub struct Open {
    pub follow: bool,
    pub flags: u32,
    pub read: bool,
    pub write: bool,
}

/// A path below a descriptor.
type At<'a> = (u32, &'a str);

impl Wasi {
    /// # Errors
    /// As `path_open`.
    pub fn open_at<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        (fd, path): At<'_>,
        open: Open,
    ) -> Answer<u32> {
        check_path(path)?;
        let mut base = rights::INHERITING;
        if !open.read {
            base &= !rights::FD_READ;
        }
        if !open.write {
            base &= !rights::WRITING;
        }
        let how = How {
            follow: open.follow,
            oflags: open.flags,
            base,
            inheriting: rights::INHERITING,
            flags: 0,
        };
        self.open(call, fd, path, &how)
    }

    /// # Errors
    /// As `path_filestat_get`.
    pub fn stat_at<H: Host>(
        &self,
        call: &Call<'_, H>,
        (fd, path): At<'_>,
        follow: bool,
    ) -> Answer<FileStat> {
        check_path(path)?;
        self.path_stat(call, fd, follow, path)
    }

    /// # Errors
    /// As `path_filestat_set_times`.
    pub fn set_times_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (fd, path): At<'_>,
        follow: bool,
        times: (Option<u64>, Option<u64>),
    ) -> Answer<()> {
        check_path(path)?;
        self.path_times(call, fd, follow, path, times)
    }

    /// # Errors
    /// As `path_create_directory`.
    pub fn create_directory_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (fd, path): At<'_>,
    ) -> Answer<()> {
        check_path(path)?;
        self.create_directory(call, fd, path)
    }

    /// # Errors
    /// As `path_link`.
    pub fn link_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        old: At<'_>,
        follow: bool,
        new: At<'_>,
    ) -> Answer<()> {
        check_path(old.1)?;
        check_path(new.1)?;
        self.link(call, old, follow, new)
    }

    /// # Errors
    /// As `path_readlink`; an absolute target is not shown.
    pub fn readlink_at<H: Host>(&self, call: &Call<'_, H>, (fd, path): At<'_>) -> Answer<String> {
        check_path(path)?;
        let target = self.readlink(call.fs, fd, path)?;
        if target.starts_with('/') {
            return Err(Errno::Perm);
        }
        Ok(target.to_string())
    }

    /// # Errors
    /// As `path_remove_directory`.
    pub fn remove_directory_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (fd, path): At<'_>,
    ) -> Answer<()> {
        check_path(path)?;
        self.remove_directory(call, fd, path)
    }

    /// # Errors
    /// As `path_rename`.
    pub fn rename_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        old: At<'_>,
        new: At<'_>,
    ) -> Answer<()> {
        check_path(old.1)?;
        check_path(new.1)?;
        self.rename(call, old, new)
    }

    /// # Errors
    /// As `path_symlink`.
    pub fn symlink_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        target: &str,
        (fd, path): At<'_>,
    ) -> Answer<()> {
        check_path(target)?;
        check_path(path)?;
        self.symlink(call, target, fd, path)
    }

    /// # Errors
    /// As `path_unlink_file`.
    pub fn unlink_file_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        (fd, path): At<'_>,
    ) -> Answer<()> {
        check_path(path)?;
        self.unlink(call, fd, path)
    }
}
