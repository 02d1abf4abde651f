//! Nothing: without its `std` feature, wasmtime names this crate but never uses it.

#![no_std]
