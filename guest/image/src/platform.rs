//! The symbols that Wasmtime wants from its platform.

use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// What Wasmtime gives us to call at a processor exception: rip, rbp, is an access, its address.
pub type TrapHandler = extern "C" fn(usize, usize, bool, usize);

static HANDLER: AtomicUsize = AtomicUsize::new(0);
static STATE: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());

/// The handler, once the engine exists.
pub fn trap_handler() -> Option<TrapHandler> {
    let address = HANDLER.load(Ordering::Relaxed);
    // SAFETY: the only value but 0 is what `wasmtime_init_traps` stored: a function of this type.
    (address != 0).then(|| unsafe { core::mem::transmute::<usize, TrapHandler>(address) })
}

#[unsafe(no_mangle)]
extern "C" fn wasmtime_init_traps(handler: TrapHandler) -> i32 {
    HANDLER.store(handler as usize, Ordering::Relaxed);
    0
}

#[unsafe(no_mangle)]
extern "C" fn wasmtime_tls_get(_slot: usize) -> *mut u8 {
    STATE.load(Ordering::Relaxed)
}

#[unsafe(no_mangle)]
extern "C" fn wasmtime_tls_set(_slot: usize, state: *mut u8) {
    STATE.store(state, Ordering::Relaxed);
}
