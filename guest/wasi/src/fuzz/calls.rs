//! Any calls of WASI 0.1.

use super::{Argument, Input, World};
use crate::{Call, Host, Wasi};

macro_rules! dispatch {
    ($($name:ident($($arg:ident: $ty:ty),* $(,)?);)*) => {
        const FUNCTIONS: &[&str] = &[$(stringify!($name)),*];

        fn call<H: Host>(wasi: &mut Wasi, call: &mut Call<'_, H>, input: &mut Input<'_>) {
            match FUNCTIONS[usize::from(input.byte()) % FUNCTIONS.len()] {
                $(stringify!($name) => {
                    $(let $arg = <$ty as Argument>::take(input);)*
                    wasi.$name(call $(, $arg)*);
                })*
                _ => {}
            }
        }
    };
}
crate::for_each_function!(dispatch);

/// A program that makes any calls with any arguments.
///
/// # Panics
/// A broken invariant.
pub fn calls(data: &[u8]) {
    World::new(data).run(call);
}
