#!/usr/bin/env bash
# Fetches what the tests of the pages need, once: Node, a browser, and the packages that package-lock.json pins.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/debian.sh

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
