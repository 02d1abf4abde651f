#!/usr/bin/env bash
# The Rust targets of guest/fuzz, each for SECONDS: libFuzzer, on the stable compiler.
# What breaks one is written to its folder of the corpus, where `cargo test` finds it.
set -euo pipefail
seconds=$1
cd "$(dirname "${BASH_SOURCE[0]}")/../../guest/fuzz"
grown=$(realpath -m ../../build/fuzz) # what libFuzzer found interesting
export CARGO_TARGET_DIR=$grown/target
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --locked --quiet --release --target "$host"
status=0
for name in calls components layers; do
  mkdir -p "$grown/guest-$name"
  log=$(mktemp)
  "$CARGO_TARGET_DIR/$host/release/$name" -max_total_time="$seconds" -max_len=8192 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="corpus/$name/" "$grown/guest-$name" "corpus/$name" 2> "$log" ||
    { status=1; tail -n 40 "$log"; }
  count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-24s %10s cases in %s s\n' "guest $name" "${count:-0}" "$seconds"
  rm -f "$log"
done
exit $status
