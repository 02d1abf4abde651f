#!/usr/bin/env bash
# A target of guest/fuzz for SECONDS: rust.sh build, then rust.sh NAME SECONDS. libFuzzer, on the
# stable compiler. What breaks it is written to its folder of the corpus, where `cargo test` finds it.
set -euo pipefail
name=$1
cd "$(dirname "${BASH_SOURCE[0]}")/../../guest/fuzz"
grown=$(realpath -m ../../build/fuzz) # what libFuzzer found interesting
export CARGO_TARGET_DIR=$grown/target
host=$(rustc -vV | sed -n 's/^host: //p')
if [[ $name == build ]]; then
  export RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
  exec cargo build --locked --quiet --release --target "$host"
fi
mkdir -p "$grown/guest-$name"
exec "$CARGO_TARGET_DIR/$host/release/$name" -max_total_time="$2" -max_len=8192 -timeout=10 \
  -print_final_stats=1 -artifact_prefix="corpus/$name/" "$grown/guest-$name" "corpus/$name"
