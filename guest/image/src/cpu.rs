//! What this processor can do, read once: each CPUID is an exit to the host.

use core::arch::asm;
use core::arch::x86_64::__cpuid_count;
use core::sync::atomic::{AtomicU64, Ordering};

static FEATURES: AtomicU64 = AtomicU64::new(0);

/// Wasmtime's names for what compiled code may ask for; the position is the bit in `FEATURES`.
const NAMES: [&str; 18] = [
    "sse3",
    "ssse3",
    "sse4.1",
    "sse4.2",
    "popcnt",
    "cmpxchg16b",
    "avx",
    "avx2",
    "fma",
    "bmi1",
    "bmi2",
    "lzcnt",
    "avx512f",
    "avx512dq",
    "avx512vl",
    "avx512bitalg",
    "avx512vbmi",
    "avx512vnni",
];

/// Asks the processor. At boot, so that every snapshot holds the answer.
pub fn detect() {
    FEATURES.store(features(), Ordering::Relaxed);
}

/// For `Config::detect_host_feature`: whether compiled code may use this feature here.
pub fn has(name: &str) -> Option<bool> {
    let bit = NAMES.iter().position(|known| *known == name)?;
    Some(FEATURES.load(Ordering::Relaxed) >> bit & 1 != 0)
}

fn features() -> u64 {
    let leaf = |number: u32| {
        let most = __cpuid_count(number & 0x8000_0000, 0).eax;
        (number <= most).then(|| __cpuid_count(number, 0))
    };
    let one = __cpuid_count(1, 0);
    let (ebx7, ecx7) = leaf(7).map_or((0, 0), |leaf| (leaf.ebx, leaf.ecx));
    let ecx81 = leaf(0x8000_0001).map_or(0, |leaf| leaf.ecx);

    // The instruction set is there only if the system saves its registers: XMM and YMM, then the
    // three parts of AVX-512.
    let enabled = if one.ecx >> 27 & 1 != 0 {
        enabled_state()
    } else {
        0
    };
    let ymm = enabled & 0x6 == 0x6;
    let zmm = ymm && enabled & 0xe0 == 0xe0;

    let bit = |register: u32, bit: u32| register >> bit & 1 != 0;
    let found = [
        bit(one.ecx, 0),
        bit(one.ecx, 9),
        bit(one.ecx, 19),
        bit(one.ecx, 20),
        bit(one.ecx, 23),
        bit(one.ecx, 13),
        ymm && bit(one.ecx, 28),
        ymm && bit(ebx7, 5),
        ymm && bit(one.ecx, 12),
        bit(ebx7, 3),
        bit(ebx7, 8),
        bit(ecx81, 5),
        zmm && bit(ebx7, 16),
        zmm && bit(ebx7, 17),
        zmm && bit(ebx7, 31),
        zmm && bit(ecx7, 12),
        zmm && bit(ecx7, 1),
        zmm && bit(ecx7, 11),
    ];
    found
        .iter()
        .enumerate()
        .fold(0, |all, (index, &is)| all | u64::from(is) << index)
}

/// XCR0: the register state that the system keeps.
fn enabled_state() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: CPUID says OSXSAVE, so XGETBV exists, and any ring may use it.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack));
    }
    u64::from(high) << 32 | u64::from(low)
}
