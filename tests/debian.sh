# Installs Debian's packages for scripts that are run without somebody who could: `. tests/debian.sh`.

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo --non-interactive "$@"
    fi
}

install_debian() {
    local install=(as_root env DEBIAN_FRONTEND=noninteractive
        apt-get install --yes --quiet --quiet --no-install-recommends "$@")
    # The package's lists may be old, or not there yet.
    "${install[@]}" >/dev/null 2>&1 || { as_root apt-get update --quiet --quiet && "${install[@]}" >/dev/null; }
}

# Installs the programs that are missing, each from the package of its name.
need_programs() {
    local program missing=()
    for program in "$@"; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} = 0 ] || install_debian "${missing[@]}"
}

readonly LEAST_NODE=20

has_node() {
    local version
    version=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${version:-0}" -ge "$LEAST_NODE" ] && command -v npm >/dev/null
}

need_node() {
    if has_node || { install_debian nodejs npm && has_node; }; then
        return
    fi
    echo "Some tests need Node $LEAST_NODE or later, with npm, on the PATH" >&2
    return 1
}
