//! Why a command failed, and how that becomes a reply.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use hypercell_abi as abi;
use hypercell_abi::wire::{WireError, Writer};
use hypercell_wasi::{Exit, FsError};
use wasmtime::{
    Error, FrameInfo, GcHeapOutOfMemory, OutOfMemory, ThrownException, Trap, WasmBacktrace,
};

/// The longest text of a reply, in bytes: names come from the module and may be megabytes.
const LONGEST: usize = 1024;

/// A command's result other than `ST_OK`.
#[derive(Debug)]
pub enum Failure {
    Trap {
        code: u32,
        message: String,
        frames: Vec<Frame>,
    },
    Exit(u32),
    Error(String),
    Link(String),
    Refused(String),
}

/// A Wasm function on the stack of a trap.
#[derive(Debug)]
pub struct Frame {
    module: String,
    index: u32,
    name: String,
    offset: u64,
}

impl Frame {
    fn new(frame: &FrameInfo) -> Self {
        Self {
            module: shorten(frame.module().name().unwrap_or_default()),
            index: frame.func_index(),
            name: shorten(frame.func_name().unwrap_or_default()),
            // Where the stack ran out in a function's prologue, there is none.
            offset: frame.module_offset().unwrap_or(0) as u64,
        }
    }
}

impl Failure {
    /// The status and body of the reply.
    pub fn reply(&self) -> (u32, Vec<u8>) {
        let mut body = Writer::new();
        let status = match self {
            Self::Trap {
                code,
                message,
                frames,
            } => {
                body.u32(*code)
                    .str(&shorten(message))
                    .u32(frames.len() as u32);
                for frame in frames {
                    body.str(&frame.module)
                        .u32(frame.index)
                        .str(&frame.name)
                        .u64(frame.offset);
                }
                abi::ST_TRAP
            }
            Self::Exit(code) => {
                body.u32(*code);
                abi::ST_EXIT
            }
            Self::Error(message) => {
                body.str(&shorten(message));
                abi::ST_ERROR
            }
            Self::Link(message) => {
                body.str(&shorten(message));
                abi::ST_LINK
            }
            Self::Refused(message) => {
                body.str(&shorten(message));
                abi::ST_REFUSED
            }
        };
        (status, body.done())
    }

    /// What a Wasm call that did not return ended with.
    pub fn from_call(error: Error) -> Self {
        let frames = error
            .downcast_ref::<WasmBacktrace>()
            .map(|trace| trace.frames().iter().map(Frame::new).collect())
            .unwrap_or_default();
        if let Some(Trap::CannotEnterComponent) = error.downcast_ref::<Trap>() {
            // Wasmtime keeps one mark for all components of a store.
            return Self::Error(
                "a component trapped before: none of this VM can be called again".into(),
            );
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            let message = trap.to_string();
            let message = message
                .strip_prefix("wasm trap: ")
                .unwrap_or(&message)
                .to_string();
            return Self::Trap {
                code: code(*trap),
                message,
                frames,
            };
        }
        if error.is::<ThrownException>() {
            let message = "an exception that nothing caught".to_string();
            return Self::Trap {
                code: abi::TRAP_UNCAUGHT_EXCEPTION,
                message,
                frames,
            };
        }
        let no_memory = error.is::<OutOfMemory>()
            || error.is::<GcHeapOutOfMemory<()>>()
            || error.is::<GcHeapOutOfMemory<u64>>();
        if no_memory {
            return Self::Refused(format!("{}: memory limit", error.root_cause()));
        }
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => {
                let message = error.root_cause().to_string();
                Self::Trap {
                    code: abi::TRAP_OTHER,
                    message,
                    frames,
                }
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap { message, .. } => write!(f, "trap: {message}"),
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Error(message) | Self::Link(message) | Self::Refused(message) => {
                f.write_str(message)
            }
        }
    }
}

// So that it can travel through Wasm frames, from a WASI function to the command.
impl core::error::Error for Failure {}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Error(format!("a bad command: {error}"))
    }
}

impl From<FsError> for Failure {
    fn from(error: FsError) -> Self {
        Self::Error(error.to_string())
    }
}

impl From<Exit> for Failure {
    fn from(Exit(code): Exit) -> Self {
        Self::Exit(code)
    }
}

/// At most `LONGEST` bytes of a text, cut between characters.
fn shorten(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_string()
}

const fn code(trap: Trap) -> u32 {
    match trap {
        Trap::UnreachableCodeReached => abi::TRAP_UNREACHABLE,
        Trap::MemoryOutOfBounds => abi::TRAP_MEMORY_OUT_OF_BOUNDS,
        Trap::TableOutOfBounds => abi::TRAP_TABLE_OUT_OF_BOUNDS,
        Trap::IndirectCallToNull => abi::TRAP_INDIRECT_CALL_TO_NULL,
        Trap::BadSignature => abi::TRAP_BAD_SIGNATURE,
        Trap::IntegerOverflow => abi::TRAP_INTEGER_OVERFLOW,
        Trap::IntegerDivisionByZero => abi::TRAP_INTEGER_DIVISION_BY_ZERO,
        Trap::BadConversionToInteger => abi::TRAP_BAD_CONVERSION_TO_INTEGER,
        Trap::StackOverflow => abi::TRAP_STACK_OVERFLOW,
        Trap::NullReference => abi::TRAP_NULL_REFERENCE,
        Trap::ArrayOutOfBounds => abi::TRAP_ARRAY_OUT_OF_BOUNDS,
        Trap::CastFailure => abi::TRAP_CAST_FAILURE,
        Trap::AllocationTooLarge => abi::TRAP_ALLOCATION_TOO_LARGE,
        Trap::HeapMisaligned => abi::TRAP_HEAP_MISALIGNED,
        _ => abi::TRAP_OTHER,
    }
}
