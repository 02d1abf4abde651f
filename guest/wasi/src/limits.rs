//! Limits on what a program may make the guest hold. Quotas in bytes and files are in `fs/quota.rs`.

/// Open files of a program.
pub const MAX_FDS: usize = 1024;
/// Bytes of a path argument, and of a symlink's target in a layer.
pub const MAX_PATH: usize = 4096;
/// Bytes of one name.
pub const MAX_NAME: usize = 255;
/// What stands before the name of something deleted in a tar; such names cannot be made in `/home`, and
/// the names there leave room for it.
pub const WHITEOUT: &str = ".wh.";
/// Directories below the root, and so the depth of every recursion over the tree.
pub const MAX_DEPTH: usize = 64;
/// Bytes of a path from the root, as it stands in the tree, and of the target of a new symlink.
pub const MAX_TREE_PATH: usize = 1024;
/// Symlinks followed in one lookup.
pub const MAX_SYMLINKS: usize = 40;
/// Entries of one mounted tar.
pub const MAX_TAR_ENTRIES: usize = 200_000;
/// Bytes of one pax header or GNU long name.
pub const MAX_TAR_HEADER: usize = 1 << 20;
