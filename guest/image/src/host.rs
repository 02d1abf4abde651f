//! What WASI needs from below, done with hypercalls.

use hypercell_abi as abi;
use hypercell_wasi::{FileSystem, Host};

use crate::batch;
use crate::clock;
use crate::failure::Failure;
use crate::input::Input;
use crate::output::Output;
use crate::random::Random;

/// The world below WASI.
pub struct GuestHost {
    pub input: Input,
    output: Output,
    random: Random,
    /// Why the host's answer to a deferred file could not be carried out: ends the program.
    pub failure: Option<Failure>,
}

impl GuestHost {
    pub fn new() -> Self {
        Self {
            input: Input::default(),
            output: Output::default(),
            random: Random::new(),
            failure: None,
        }
    }
}

impl Host for GuestHost {
    fn write(&mut self, stream: u32, data: &[u8]) {
        self.output.write(stream, data);
    }

    fn read_stdin(&mut self, buf: &mut [u8]) -> usize {
        self.input.read(buf)
    }

    fn realtime(&mut self) -> u64 {
        clock::realtime()
    }

    fn monotonic(&mut self) -> u64 {
        clock::monotonic()
    }

    fn random(&mut self, buf: &mut [u8]) {
        self.random.fill(buf);
    }

    fn sleep(&mut self, nanoseconds: u64) {
        clock::sleep(nanoseconds);
    }

    fn deferred(&mut self, fs: &mut FileSystem) {
        self.failure = batch::ask(abi::HC_DEFERRED, fs).err();
    }
}
