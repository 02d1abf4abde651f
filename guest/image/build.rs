//! Links the image: static, no start files, laid out by `image.ld`. Finds the WIT of WASI 0.2.
//!
//! The arguments stand here and not in a cargo configuration, so that the other crates of the
//! workspace still link as ordinary host programs and can be tested.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo::rerun-if-changed=image.ld");
    println!("cargo::rerun-if-changed=wit");
    for argument in [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        "-Wl,--no-eh-frame-hdr",
        "-Wl,-z,max-page-size=4096",
        "-Wl,-z,noexecstack",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{here}/image.ld");
    write_wit_paths(Path::new(&here));
}

/// `bindgen!` wants its paths as literals, and only cargo knows where it unpacked the crate `wasip2`,
/// which carries the interfaces as they were published.
fn write_wit_paths(here: &Path) {
    let published = wasip2().join("wit");
    let ours = here.join("wit");
    let macro_text = format!(
        "macro_rules! with_wit {{ ($($options:tt)*) => {{
            wasmtime::component::bindgen!({{ path: [{published:?}, {ours:?}], $($options)* }});
        }} }}"
    );
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("with_wit.rs"), macro_text).expect("OUT_DIR can be written");
}

/// The directory of the crate `wasip2`.
fn wasip2() -> PathBuf {
    let cargo = env::var("CARGO").expect("cargo sets CARGO");
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .arg(format!("--filter-platform={target}"))
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    // A path is one JSON string; none of ours needs an escape.
    text.split('"')
        .filter(|text| text.ends_with("/Cargo.toml"))
        .map(|manifest| Path::new(manifest).with_file_name(""))
        .find(|directory| {
            directory
                .components()
                .any(|part| part.as_os_str().to_string_lossy().starts_with("wasip2-"))
        })
        .unwrap_or_else(|| {
            panic!(
                "no crate wasip2: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
}
