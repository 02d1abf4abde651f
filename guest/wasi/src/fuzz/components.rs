//! Any calls of WASI 0.2, as the image makes them for a component.

use alloc::string::String;

use super::{Argument, Input, SLOTS, World};
use crate::p2::{MAX_READ, Open};
use crate::{Call, Host, Wasi};

/// A component that makes any calls with any arguments; resources are descriptors.
///
/// # Panics
/// A broken invariant, or an answer that is larger than it may be.
pub fn components(data: &[u8]) {
    World::new(data).run(|wasi, call, input| {
        if input.byte().is_multiple_of(2) {
            paths(wasi, call, input);
        } else {
            descriptors(wasi, call, input);
        }
    });
}

/// Text out of the places that the input fills; the image gets texts from Wasmtime, always UTF-8.
fn text<H: Host>(call: &Call<'_, H>, input: &mut Input<'_>) -> String {
    let at = SLOTS + usize::from(input.byte() % 64) * 16;
    let len = usize::from(input.byte() % 24);
    String::from_utf8_lossy(&call.mem[at..at + len]).into_owned()
}

fn time(input: &mut Input<'_>) -> Option<u64> {
    (input.byte().is_multiple_of(2)).then(|| u64::take(input))
}

fn paths<H: Host>(wasi: &mut Wasi, call: &mut Call<'_, H>, input: &mut Input<'_>) {
    let (fd, path) = (u32::take(input), text(call, input));
    let at = (fd, path.as_str());
    let follow = input.byte().is_multiple_of(2);
    match input.byte() % 11 {
        0 | 1 => {
            let open = Open {
                follow,
                flags: u32::from(input.byte()),
                read: input.byte().is_multiple_of(2),
                write: input.byte().is_multiple_of(2),
            };
            _ = wasi.open_at(call, at, open);
        }
        2 => _ = wasi.stat_at(call, at, follow),
        3 => _ = wasi.set_times_at(call, at, follow, (time(input), time(input))),
        4 => _ = wasi.create_directory_at(call, at),
        5 | 6 => {
            let (other, name) = (u32::take(input), text(call, input));
            if follow {
                _ = wasi.link_at(call, at, follow, (other, &name));
            } else {
                _ = wasi.rename_at(call, at, (other, &name));
            }
        }
        7 => _ = wasi.readlink_at(call, at),
        8 => _ = wasi.remove_directory_at(call, at),
        9 => {
            let target = text(call, input);
            _ = wasi.symlink_at(call, &target, at);
        }
        _ => _ = wasi.unlink_file_at(call, at),
    }
}

fn descriptors<H: Host>(wasi: &mut Wasi, call: &mut Call<'_, H>, input: &mut Input<'_>) {
    let (fd, number) = (u32::take(input), u64::take(input));
    let some = usize::from(input.byte());
    match input.byte() % 16 {
        0 => {
            if let Ok((data, _)) = wasi.read_at(call, fd, number, u64::take(input)) {
                assert!(data.len() as u64 <= MAX_READ.min(number));
            }
        }
        1 => _ = wasi.write_at(call, fd, &[7; 255][..some], number),
        2 => _ = wasi.stat(call, fd),
        3 => _ = wasi.access(call, fd),
        4 => _ = wasi.set_size(call, fd, number),
        5 => _ = wasi.set_fd_times(call, fd, (time(input), time(input))),
        6 => _ = wasi.advise_fd(call, fd),
        7 => _ = wasi.sync_fd(fd),
        8 => wasi.close_fd(call, fd),
        9 => _ = wasi.read_directory(call, fd),
        10 => _ = wasi.next_entry(call, fd, number),
        11 => _ = wasi.directories(call),
        12 => _ = wasi.read_via_stream(call, fd, number),
        13 => {
            let offset = (some.is_multiple_of(2)).then_some(number);
            _ = wasi.write_via_stream(call, fd, offset);
        }
        14 => {
            if let Ok(data) = wasi.stream_read(call, fd, number) {
                assert!(data.len() as u64 <= MAX_READ.min(number));
            }
        }
        _ => _ = wasi.stream_write(call, fd, &[7; 255][..some]),
    }
}
