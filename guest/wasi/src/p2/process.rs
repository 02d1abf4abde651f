//! Arguments, environment, and whether standard input is one.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::wasi::Wasi;

impl Wasi {
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        self.args.clone()
    }

    /// Names and values.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let pair = |text: &String| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (name.to_string(), value.to_string())
        };
        self.env.iter().map(pair).collect()
    }

    /// Whether somebody answers when the program reads.
    #[must_use]
    pub const fn has_stdin(&self) -> bool {
        self.stdin
    }
}
