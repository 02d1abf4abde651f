//! Path resolution, component by component, never above the directory it starts from.

use alloc::string::String;
use alloc::vec::Vec;

use super::FileSystem;
use super::inode::{Id, Node};
use crate::errno::{Answer, Errno};
use crate::limits::{MAX_NAME, MAX_SYMLINKS};

/// The last component of a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Last {
    Name(String),
    /// `.`, or nothing but slashes.
    Dot,
    DotDot,
}

/// Where a path leads.
pub struct Found {
    /// The directory that holds the last component.
    pub dir: Id,
    pub last: Last,
    /// What it names, if that exists.
    pub id: Option<Id>,
    /// The path ended with a slash: only a directory will do.
    pub slash: bool,
}

impl Found {
    pub fn existing(&self, fs: &FileSystem) -> Answer<Id> {
        let id = self.id.ok_or(Errno::Noent)?;
        if self.slash && !fs.is_directory(id) {
            return Err(Errno::Notdir);
        }
        Ok(id)
    }

    /// The name to make; `special` for `.` and `..`.
    pub fn name(&self, special: Errno) -> Answer<&str> {
        match &self.last {
            Last::Name(name) => Ok(name),
            Last::Dot | Last::DotDot => Err(special),
        }
    }
}

/// The rest of the path, innermost first: each symlink pushes what came after it.
struct Rest<'a> {
    current: &'a str,
    outer: Vec<&'a str>,
}

impl<'a> Rest<'a> {
    /// The next component.
    fn next(&mut self) -> Option<&'a str> {
        loop {
            let path = self.current.trim_start_matches('/');
            if path.is_empty() {
                self.current = self.outer.pop()?;
                continue;
            }
            let end = path.find('/').unwrap_or(path.len());
            let (component, rest) = path.split_at(end);
            self.current = rest;
            return Some(component);
        }
    }

    /// Nothing but slashes follows.
    fn at_end(&self) -> bool {
        let slashes = |path: &&str| path.bytes().all(|byte| byte == b'/');
        slashes(&self.current) && self.outer.iter().all(slashes)
    }

    fn has_slash(&self) -> bool {
        !self.current.is_empty() || self.outer.iter().any(|path| !path.is_empty())
    }

    fn push(&mut self, target: &'a str) {
        if !self.current.is_empty() {
            self.outer.push(self.current);
        }
        self.current = target;
    }
}

impl FileSystem {
    /// Finds what `path` means below `base`. `follow`: a symlink at the end is followed.
    ///
    /// # Errors
    /// NOTCAPABLE for whatever would leave `base`, by `..`, a leading slash or an absolute symlink.
    pub(crate) fn resolve(&self, base: Id, path: &str, follow: bool) -> Answer<Found> {
        if path.is_empty() {
            return Err(Errno::Noent);
        }
        if path.starts_with('/') {
            return Err(Errno::Notcapable);
        }
        let mut rest = Rest {
            current: path,
            outer: Vec::new(),
        };
        let mut dir = base;
        let mut links = 0;
        self.directory(dir)?;
        while let Some(component) = rest.next() {
            let end = rest.at_end();
            let slash = rest.has_slash();
            let id = match component {
                "." => Some(dir),
                ".." => {
                    if dir == base {
                        return Err(Errno::Notcapable);
                    }
                    Some(self.directory(dir)?.parent)
                }
                name => {
                    if name.len() > MAX_NAME {
                        return Err(Errno::Nametoolong);
                    }
                    self.directory(dir)?.get(name).map(|entry| entry.id)
                }
            };
            if let Some(id) = id
                && let Node::Symlink(target) = &self.inode(id).node
                && (!end || follow || slash)
            {
                links += 1;
                if links > MAX_SYMLINKS {
                    return Err(Errno::Loop);
                }
                if target.starts_with('/') {
                    return Err(Errno::Notcapable);
                }
                rest.push(target);
                continue;
            }
            if end {
                let last = match component {
                    "." => Last::Dot,
                    ".." => Last::DotDot,
                    name => Last::Name(String::from(name)),
                };
                return Ok(Found {
                    dir,
                    last,
                    id,
                    slash,
                });
            }
            let id = id.ok_or(Errno::Noent)?;
            self.directory(id)?;
            dir = id;
        }
        // A symlink to nothing but slashes cannot be made; an absolute one was refused above.
        Err(Errno::Noent)
    }
}
