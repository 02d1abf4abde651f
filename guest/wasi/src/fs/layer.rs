//! Applying a tar to a directory by the rules of OCI layers.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::FileSystem;
use super::content::Content;
use super::inode::{Id, Node, Zone};
use crate::errno::Errno;
use crate::limits::{MAX_DEPTH, MAX_NAME, MAX_PATH, MAX_TAR_ENTRIES, MAX_TREE_PATH, WHITEOUT};
use crate::tar::read::{Entry, Kind, Reader};

const OPAQUE: &str = ".wh..wh..opq";

/// One tar on its way into the tree.
struct Layer<'a> {
    fs: &'a mut FileSystem,
    root: Id,
    zone: Zone,
    now: u64,
    /// Names with smaller cookies were there before this tar.
    first_cookie: u64,
    /// Directories from before that this tar names too.
    declared: BTreeSet<u64>,
    /// The directory of the entry before, by its path: entries come in runs.
    last: Option<(String, Id)>,
}

impl FileSystem {
    /// Puts the entries of `tar` into `dir`; entries from before with the same names are replaced.
    pub(super) fn apply_tar(
        &mut self,
        dir: Id,
        zone: Zone,
        tar: &'static [u8],
        now: u64,
    ) -> Result<(), String> {
        let first_cookie = self.next_cookie;
        let mut layer = Layer {
            fs: self,
            root: dir,
            zone,
            now,
            first_cookie,
            declared: BTreeSet::new(),
            last: None,
        };
        let mut reader = Reader::new(tar);
        let mut count = 0;
        while let Some(entry) = reader.next()? {
            count += 1;
            if count > MAX_TAR_ENTRIES {
                return Err(format!("the tar has more than {MAX_TAR_ENTRIES} entries"));
            }
            let path = entry.path.clone();
            layer.apply(entry).map_err(|what| {
                let shown: String = path.chars().take(200).collect();
                format!("{what}: {shown:?}")
            })?;
        }
        Ok(())
    }
}

/// The errno of a tree operation as text; it means that the tar contradicts itself.
fn refused(errno: Errno) -> String {
    format!("an entry that does not fit the tree ({errno:?})")
}

impl Layer<'_> {
    fn apply(&mut self, entry: Entry<'static>) -> Result<(), String> {
        let Some((dir, name)) = self.locate(&entry.path)? else {
            return Ok(());
        };
        let Some(name) = name else {
            return match entry.kind {
                Kind::Directory => {
                    self.set_mtime(dir, entry.mtime);
                    Ok(())
                }
                _ => Err("an entry that replaces the root".into()),
            };
        };
        if name == OPAQUE {
            return self.remove_older(dir).map_err(refused);
        }
        if let Some(gone) = name.strip_prefix(WHITEOUT) {
            if matches!(gone, "" | "." | "..") {
                return Err("a whiteout without a name".into());
            }
            return self.white_out(dir, gone).map_err(refused);
        }
        self.place(dir, &name, entry.kind, entry.mtime)
    }

    /// Makes the entry `name` in `dir`.
    fn place(
        &mut self,
        dir: Id,
        name: &str,
        kind: Kind<'static>,
        mtime: u64,
    ) -> Result<(), String> {
        // The target first: it may be about to be replaced by its own new name.
        let target = match &kind {
            Kind::Link(target) => Some(self.link_target(target)?),
            _ => None,
        };
        if let Some(old) = self.fs.directory(dir).map_err(refused)?.get(name) {
            if let Ok(directory) = self.fs.directory(old.id) {
                if directory.mount_point {
                    return Ok(());
                }
                if kind == Kind::Directory {
                    self.declared.insert(self.fs.inode(old.id).ino);
                    self.set_mtime(old.id, mtime);
                    return Ok(());
                }
            }
            if target == Some(old.id) {
                return Ok(());
            }
            self.last = None;
            if !self.fs.remove_tree(dir, name, old.id).map_err(refused)? {
                return Err("an entry that replaces a mount".into());
            }
            if target.is_some_and(|id| self.fs.inode(id).nlink == 0) {
                return Err("a hard link that replaces the directory of its target".into());
            }
        }
        let node = match kind {
            Kind::Directory => {
                let id = self.make_directory(dir, name)?;
                self.set_mtime(id, mtime);
                return Ok(());
            }
            Kind::Link(_) => None,
            Kind::File(data) => Some(Node::File(Content::Shared(data))),
            Kind::Symlink(target) => {
                if target.is_empty() || target.contains('\0') || target.len() > MAX_PATH {
                    return Err("a bad symlink".into());
                }
                Some(Node::Symlink(target.into_owned()))
            }
        };
        let id = match (target, node) {
            (Some(id), _) => id,
            (None, Some(node)) => {
                let id = self.fs.inodes.add(self.zone, node, mtime);
                self.fs
                    .usage
                    .add_bytes(self.zone, self.fs.inodes.get(id).size());
                id
            }
            (None, None) => return Err("a hard link without a target".into()),
        };
        self.fs
            .attach(dir, Arc::from(name), id, true)
            .map_err(refused)
    }

    /// The directory an entry belongs in, made where it is missing, and its name there (None: it is
    /// the root itself). None: a mount hides it.
    #[allow(clippy::type_complexity)]
    fn locate(&mut self, path: &str) -> Result<Option<(Id, Option<String>)>, String> {
        let trimmed = path.trim_end_matches('/');
        let (parent, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
        if let Some((last, dir)) = &self.last
            && last == parent
            && !matches!(name, "" | "." | "..")
        {
            check_name(name)?;
            self.check_length(*dir, name)?;
            return Ok(Some((*dir, Some(name.into()))));
        }
        let Some(components) = normalise(trimmed)? else {
            return Ok(Some((self.root, None)));
        };
        let (directories, name) = components;
        let mut dir = self.root;
        for component in directories {
            match self.fs.directory(dir).map_err(refused)?.get(component) {
                Some(entry) => {
                    let Ok(child) = self.fs.directory(entry.id) else {
                        return Err("an entry below something that is no directory".into());
                    };
                    if child.mount_point {
                        return Ok(None);
                    }
                    dir = entry.id;
                }
                None => {
                    self.check_length(dir, component)?;
                    dir = self.make_directory(dir, component)?;
                }
            }
        }
        self.check_length(dir, name)?;
        self.last = Some((parent.into(), dir));
        Ok(Some((dir, Some(name.into()))))
    }

    fn check_length(&self, dir: Id, name: &str) -> Result<(), String> {
        let name = name.strip_prefix(WHITEOUT).unwrap_or(name);
        if self.fs.place(dir).1 + name.len() > MAX_TREE_PATH {
            return Err(format!("a path of more than {MAX_TREE_PATH} bytes"));
        }
        Ok(())
    }

    fn make_directory(&mut self, dir: Id, name: &str) -> Result<Id, String> {
        if self.fs.place(dir).0 >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} directories deep"));
        }
        self.fs.add_directory(dir, name, self.now).map_err(refused)
    }

    /// What a hard link names: a file or symlink of the tree below the mount.
    fn link_target(&self, path: &str) -> Result<Id, String> {
        const MISSING: &str = "a hard link to nothing";
        let (directories, name) = normalise(path)?.ok_or(MISSING)?;
        let mut dir = self.root;
        for component in directories {
            dir = self
                .fs
                .directory(dir)
                .ok()
                .and_then(|d| d.get(component))
                .ok_or(MISSING)?
                .id;
        }
        let id = self
            .fs
            .directory(dir)
            .ok()
            .and_then(|d| d.get(name))
            .ok_or(MISSING)?
            .id;
        if self.fs.is_directory(id) || self.fs.inode(id).zone != self.zone {
            return Err("a hard link to a directory".into());
        }
        Ok(id)
    }

    fn white_out(&mut self, dir: Id, name: &str) -> Result<(), Errno> {
        let Some(entry) = self.fs.directory(dir)?.get(name) else {
            return Ok(());
        };
        self.last = None;
        let declared = self.declared.contains(&self.fs.inode(entry.id).ino);
        if self
            .fs
            .directory(entry.id)
            .is_ok_and(|child| !child.mount_point)
        {
            self.remove_older(entry.id)?;
        }
        let empty = self
            .fs
            .directory(entry.id)
            .is_ok_and(super::directory::Directory::is_empty);
        let gone = !self.fs.is_directory(entry.id) || empty;
        if gone && !declared && entry.cookie < self.first_cookie {
            self.fs.remove_tree(dir, name, entry.id)?;
        }
        Ok(())
    }

    /// Removes what was in `dir` before this tar.
    fn remove_older(&mut self, dir: Id) -> Result<(), Errno> {
        self.last = None;
        for (name, _) in self.fs.list(dir)? {
            self.white_out(dir, &name)?;
        }
        Ok(())
    }

    fn set_mtime(&mut self, id: Id, mtime: u64) {
        let inode = self.fs.inodes.get_mut(id);
        inode.mtim = mtime;
        inode.atim = mtime;
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let visible = name.strip_prefix(WHITEOUT).unwrap_or(name);
    if visible.len() > MAX_NAME || name.contains('\0') {
        return Err("a name with a NUL or of more than 255 bytes".into());
    }
    Ok(())
}

/// Splits a path of a tar into directories and name, kept inside the root: a leading slash means
/// nothing and `..` stops there. None: it is the root itself.
#[allow(clippy::type_complexity)]
fn normalise(path: &str) -> Result<Option<(Vec<&str>, &str)>, String> {
    let mut components = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            name => {
                check_name(name)?;
                components.push(name);
            }
        }
    }
    Ok(components.pop().map(|name| (components, name)))
}
