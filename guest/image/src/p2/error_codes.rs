//! wasi:io/error, and error numbers as the `error-code` of wasi:filesystem.

use alloc::format;
use alloc::string::String;

use hypercell_wasi::Errno;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::wasi::filesystem::types::ErrorCode;
use super::wasi::io::error;
use crate::machine::State;

/// Why a stream failed.
pub struct IoError(pub Errno);

impl error::Host for State {}

impl error::HostError for State {
    fn to_debug_string(&mut self, error: Resource<IoError>) -> Result<String> {
        Ok(format!("{:?}", self.resources.get(&error)?.0))
    }

    fn drop(&mut self, error: Resource<IoError>) -> Result<()> {
        self.resources.delete(error)?;
        Ok(())
    }
}

/// The code of an error number; what has none is `io`.
pub const fn error_code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::Acces => ErrorCode::Access,
        Errno::Again => ErrorCode::WouldBlock,
        Errno::Already => ErrorCode::Already,
        Errno::Badf => ErrorCode::BadDescriptor,
        Errno::Busy => ErrorCode::Busy,
        Errno::Deadlk => ErrorCode::Deadlock,
        Errno::Dquot => ErrorCode::Quota,
        Errno::Exist => ErrorCode::Exist,
        Errno::Fbig => ErrorCode::FileTooLarge,
        Errno::Ilseq => ErrorCode::IllegalByteSequence,
        Errno::Inprogress => ErrorCode::InProgress,
        Errno::Intr => ErrorCode::Interrupted,
        Errno::Inval => ErrorCode::Invalid,
        Errno::Isdir => ErrorCode::IsDirectory,
        Errno::Loop => ErrorCode::Loop,
        Errno::Mlink => ErrorCode::TooManyLinks,
        Errno::Msgsize => ErrorCode::MessageSize,
        Errno::Nametoolong => ErrorCode::NameTooLong,
        Errno::Nodev => ErrorCode::NoDevice,
        Errno::Noent => ErrorCode::NoEntry,
        Errno::Nolck => ErrorCode::NoLock,
        Errno::Nomem | Errno::Mfile => ErrorCode::InsufficientMemory,
        Errno::Nospc => ErrorCode::InsufficientSpace,
        Errno::Notdir => ErrorCode::NotDirectory,
        Errno::Notempty => ErrorCode::NotEmpty,
        Errno::Notrecoverable => ErrorCode::NotRecoverable,
        Errno::Notsup => ErrorCode::Unsupported,
        Errno::Notty => ErrorCode::NoTty,
        Errno::Nxio => ErrorCode::NoSuchDevice,
        Errno::Overflow => ErrorCode::Overflow,
        // Leaving a directory is what WASI 0.2 has no other code for.
        Errno::Perm | Errno::Notcapable => ErrorCode::NotPermitted,
        Errno::Pipe => ErrorCode::Pipe,
        Errno::Rofs => ErrorCode::ReadOnly,
        Errno::Spipe => ErrorCode::InvalidSeek,
        Errno::Txtbsy => ErrorCode::TextFileBusy,
        Errno::Xdev => ErrorCode::CrossDevice,
        _ => ErrorCode::Io,
    }
}
