//! wasi:cli: arguments, environment, exit, the three streams and their terminals.

use alloc::string::String;
use alloc::vec::Vec;

use hypercell_wasi::{STDERR, STDOUT};
use wasmtime::component::Resource;
use wasmtime::{Error, Result};

use super::streams::{Input, Output};
use super::wasi::cli;
use crate::failure::Failure;
use crate::machine::State;

/// A stream is a terminal: there is nothing more to know about it.
pub struct Terminal;

impl cli::environment::Host for State {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        self.world(|wasi, _| wasi.environment())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        self.world(|wasi, _| wasi.arguments())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for State {
    fn exit(&mut self, status: Result<(), ()>) -> Result<()> {
        Err(Error::new(Failure::Exit(status.is_err().into())))
    }

    fn exit_with_code(&mut self, code: u8) -> Result<()> {
        Err(Error::new(Failure::Exit(code.into())))
    }
}

impl cli::stdin::Host for State {
    fn get_stdin(&mut self) -> Result<Resource<Input>> {
        let fd = self.world_or_trap(|wasi, call| wasi.stdin_stream(call))?;
        Ok(Resource::new_own(fd))
    }
}

impl cli::stdout::Host for State {
    fn get_stdout(&mut self) -> Result<Resource<Output>> {
        let fd = self.world_or_trap(|wasi, call| wasi.output_stream(call, STDOUT))?;
        Ok(Resource::new_own(fd))
    }
}

impl cli::stderr::Host for State {
    fn get_stderr(&mut self) -> Result<Resource<Output>> {
        let fd = self.world_or_trap(|wasi, call| wasi.output_stream(call, STDERR))?;
        Ok(Resource::new_own(fd))
    }
}

impl cli::terminal_input::Host for State {}
impl cli::terminal_output::Host for State {}

impl cli::terminal_input::HostTerminalInput for State {
    fn drop(&mut self, terminal: Resource<Terminal>) -> Result<()> {
        self.resources.delete(terminal)?;
        Ok(())
    }
}

impl cli::terminal_output::HostTerminalOutput for State {
    fn drop(&mut self, terminal: Resource<Terminal>) -> Result<()> {
        self.resources.delete(terminal)?;
        Ok(())
    }
}

// As in WASI 0.1: what is shown at once is a terminal, so that programs do not hold lines back.
impl cli::terminal_stdin::Host for State {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<Terminal>>> {
        if self.world(|wasi, _| wasi.has_stdin())? {
            Ok(Some(self.resources.push(Terminal)?))
        } else {
            Ok(None)
        }
    }
}

impl cli::terminal_stdout::Host for State {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(Some(self.resources.push(Terminal)?))
    }
}

impl cli::terminal_stderr::Host for State {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(Some(self.resources.push(Terminal)?))
    }
}
