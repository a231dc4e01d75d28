#!/usr/bin/env bash
# Fetches what the tests of the pages need, once: Node, a browser, and the packages that package-lock.json pins.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LEAST_NODE=20

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo --non-interactive "$@"
    fi
}

install_debian() {
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends "$@")
    # The package's lists may be old, or not there yet.
    as_root "${install[@]}" >/dev/null 2>&1 || { as_root apt-get update --quiet --quiet && as_root "${install[@]}" >/dev/null; }
}

has_node() {
    local version
    version=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${version:-0}" -ge "$LEAST_NODE" ] && command -v npm >/dev/null
}

need_node() {
    if has_node || { install_debian nodejs npm && has_node; }; then
        return
    fi
    echo "The tests of the pages need Node $LEAST_NODE or later, with npm, on the PATH" >&2
    return 1
}

need_browser() {
    if command -v chromium >/dev/null; then
        return
    fi
    if ! install_debian chromium fonts-dejavu-core; then
        echo "The tests of the pages need chromium on the PATH, and there is no such package to be had" >&2
        return 1
    fi
    chromium --version
}

need_packages() {
    local folder=tests/web
    if cmp --quiet "$folder/package-lock.json" "$folder/node_modules/.lock"; then
        return
    fi
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
    # Last: what is there is whole.
    cp "$folder/package-lock.json" "$folder/node_modules/.lock"
}

need_node
need_browser
need_packages
