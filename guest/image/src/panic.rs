//! A panic goes to the host with its message and place; then the VM is gone.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use hypercell_abi as abi;

use crate::door;

/// Writes text into the reply area, without allocating. What does not fit is dropped.
struct Message {
    length: usize,
}

const LONGEST: usize = 0x1000;

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let count = text.len().min(LONGEST - self.length);
        door::REPLIES.write(self.length, &text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut message = Message { length: 0 };
    // A failing formatter leaves what it has written.
    let _ = write!(message, "{}", info.message());
    if let Some(place) = info.location() {
        let _ = write!(message, " (at {}:{})", place.file(), place.line());
    }
    door::end(abi::HC_PANIC, [message.length as u64])
}

// The precompiled core library names these; with `panic = "abort"` nothing calls them.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    panic!("the image cannot unwind")
}
