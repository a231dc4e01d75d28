#!/usr/bin/env bash
# Builds rejoin as a static binary, which needs no library of the machine that it runs on: deploy/build-static.sh <file>
set -euo pipefail
cd "$(dirname "$0")/.."

binary=$1
target=$(rustc --print host-tuple)
# The folders of this machine are no part of a binary.
library="$(rustc --print sysroot)/lib/rustlib/src/rust"
registry="${CARGO_HOME:-$HOME/.cargo}/registry/src"
# With a named target these are not for macros, whose libraries the compiler loads and which can't be static.
export RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$PWD=/rejoin \
    --remap-path-prefix=$registry=/registry --remap-path-prefix=$library=/rustc"
cargo build --release --locked --bin rejoin --target "$target"
# Without symbols it is a fifth smaller.
install -D --strip "target/$target/release/rejoin" "$binary"
