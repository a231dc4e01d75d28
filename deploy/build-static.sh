#!/usr/bin/env bash
# Builds rejoin as a static binary, which needs no library of the machine that it runs on: deploy/build-static.sh <file>
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$1
target=$(rustc --print host-tuple)
# Only for this target: the libraries of macros, which the compiler loads, can't be static. The names of the folders
# of this machine are cut from messages, so that the same sources make the same binary elsewhere.
export RUSTFLAGS="-C target-feature=+crt-static \
    --remap-path-prefix=$PWD=/rejoin --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/registry"
cargo build --release --locked --bin rejoin --target "$target"
# Without symbols it is a fifth smaller.
install -D --strip "target/$target/release/rejoin" "$binary"
