//! Quotas of the writable zones, and which one a program hit.

use core::fmt;

use super::FileSystem;
use super::inode::Zone;
use crate::errno::{Answer, Errno};
use crate::limits::{MAX_DEPTH, MAX_FDS, MAX_TREE_PATH};

/// Limits of the writable mounts. A name counts as a file, whatever it names.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub home_bytes: u64,
    pub home_files: u64,
    /// Of all `Mode::Writable` mounts together.
    pub dir_bytes: u64,
    pub dir_files: u64,
    pub tmp_bytes: u64,
    pub tmp_files: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Quota {
            home_bytes: 64 << 20,
            home_files: 4096,
            dir_bytes: 64 << 20,
            dir_files: 4096,
            tmp_bytes: 64 << 20,
            tmp_files: 4096,
        }
    }
}

/// A limit that a program ran into. `Display` says it for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaHit {
    HomeBytes(u64),
    HomeFiles(u64),
    DirBytes(u64),
    DirFiles(u64),
    TmpBytes(u64),
    TmpFiles(u64),
    Depth,
    PathLength,
    OpenFiles,
    Memory,
}

impl fmt::Display for QuotaHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QuotaHit::HomeBytes(limit) => write!(f, "more than {limit} bytes in /home"),
            QuotaHit::HomeFiles(limit) => write!(f, "more than {limit} files in /home"),
            QuotaHit::DirBytes(limit) => write!(f, "more than {limit} bytes in given directories"),
            QuotaHit::DirFiles(limit) => write!(f, "more than {limit} files in given directories"),
            QuotaHit::TmpBytes(limit) => write!(f, "more than {limit} bytes in /tmp"),
            QuotaHit::TmpFiles(limit) => write!(f, "more than {limit} files in /tmp"),
            QuotaHit::Depth => write!(f, "directories nested more than {MAX_DEPTH} deep"),
            QuotaHit::PathLength => write!(f, "a path of more than {MAX_TREE_PATH} bytes"),
            QuotaHit::OpenFiles => write!(f, "more than {MAX_FDS} files open at a time"),
            QuotaHit::Memory => write!(f, "no memory left for a file's bytes"),
        }
    }
}

/// What the writable zones hold.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    home: Zoned,
    writable: Zoned,
    tmp: Zoned,
}

#[derive(Clone, Copy, Default)]
struct Zoned {
    bytes: u64,
    files: u64,
}

impl Usage {
    fn zone(&mut self, zone: Zone) -> Option<&mut Zoned> {
        match zone {
            Zone::Layer => None,
            Zone::Home => Some(&mut self.home),
            Zone::Writable => Some(&mut self.writable),
            Zone::Tmp => Some(&mut self.tmp),
        }
    }

    pub fn add_bytes(&mut self, zone: Zone, bytes: u64) {
        if let Some(used) = self.zone(zone) {
            used.bytes = used.bytes.saturating_add(bytes);
        }
    }

    pub fn sub_bytes(&mut self, zone: Zone, bytes: u64) {
        if let Some(used) = self.zone(zone) {
            used.bytes = used.bytes.saturating_sub(bytes);
        }
    }

    pub fn add_file(&mut self, zone: Zone) {
        if let Some(used) = self.zone(zone) {
            used.files += 1;
        }
    }

    pub fn sub_file(&mut self, zone: Zone) {
        if let Some(used) = self.zone(zone) {
            used.files = used.files.saturating_sub(1);
        }
    }

    #[cfg(any(test, feature = "fuzz"))]
    pub fn of(&self, zone: Zone) -> (u64, u64) {
        match zone {
            Zone::Layer => (0, 0),
            Zone::Home => (self.home.bytes, self.home.files),
            Zone::Writable => (self.writable.bytes, self.writable.files),
            Zone::Tmp => (self.tmp.bytes, self.tmp.files),
        }
    }
}

impl FileSystem {
    /// CMD_QUOTA. A mounted tar may be above it; then nothing can be added.
    pub fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
    }

    /// The first limit that a program hit since `clear_quota_hit`; the program saw an error number.
    #[must_use]
    pub fn quota_hit(&self) -> Option<QuotaHit> {
        self.hit
    }

    /// Before a program starts.
    pub fn clear_quota_hit(&mut self) {
        self.hit = None;
    }

    /// Notes the limit, unless one was noted before.
    pub(crate) fn note(&mut self, hit: QuotaHit) {
        self.hit.get_or_insert(hit);
    }

    /// How many bytes may be added to a zone.
    pub(crate) fn room(&self, zone: Zone) -> u64 {
        match zone {
            Zone::Layer => 0,
            Zone::Home => self.quota.home_bytes.saturating_sub(self.usage.home.bytes),
            Zone::Writable => self
                .quota
                .dir_bytes
                .saturating_sub(self.usage.writable.bytes),
            Zone::Tmp => self.quota.tmp_bytes.saturating_sub(self.usage.tmp.bytes),
        }
    }

    /// The bytes quota was hit.
    pub(crate) fn no_space(&mut self, zone: Zone) -> Errno {
        match zone {
            Zone::Layer => return Errno::Rofs,
            Zone::Home => self.note(QuotaHit::HomeBytes(self.quota.home_bytes)),
            Zone::Writable => self.note(QuotaHit::DirBytes(self.quota.dir_bytes)),
            Zone::Tmp => self.note(QuotaHit::TmpBytes(self.quota.tmp_bytes)),
        }
        Errno::Nospc
    }

    /// Whether one more name fits.
    pub(crate) fn check_files(&mut self, zone: Zone) -> Answer<()> {
        let (used, limit, hit) = match zone {
            Zone::Layer => return Err(Errno::Rofs),
            Zone::Home => {
                let limit = self.quota.home_files;
                (self.usage.home.files, limit, QuotaHit::HomeFiles(limit))
            }
            Zone::Writable => {
                let limit = self.quota.dir_files;
                (self.usage.writable.files, limit, QuotaHit::DirFiles(limit))
            }
            Zone::Tmp => {
                let limit = self.quota.tmp_files;
                (self.usage.tmp.files, limit, QuotaHit::TmpFiles(limit))
            }
        };
        if used >= limit {
            self.note(hit);
            return Err(Errno::Dquot);
        }
        Ok(())
    }
}
