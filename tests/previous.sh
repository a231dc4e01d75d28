#!/usr/bin/env bash
# Builds the server as it was before its last change, for the tests of upgrades: target/previous/rejoin. The sources
# that it was built from stay in target/previous/src.
#
# Usage: tests/previous.sh [REVISION]
#
# Without a revision it is the newest commit whose program differs from the one of this folder: the last commit, if
# something of the program is changed and not committed yet, else usually the commit before.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PREVIOUS=target/previous
# What the server is built from.
readonly PROGRAM=(src web data build Cargo.toml Cargo.lock)

cannot() {
    # A server that is left from before would be another one than this folder's history says.
    rm -f "$PREVIOUS/rejoin" "$PREVIOUS/commit"
    echo "The tests of upgrades fail, the others don't need it: $*" >&2
    exit 0
}

newest_other() {
    local commit
    while read -r commit; do
        if ! git diff --quiet "$commit" -- "${PROGRAM[@]}"; then
            echo "$commit"
            return
        fi
    done < <(git rev-list --first-parent HEAD)
    return 1
}

if [ "$(git rev-parse --show-toplevel 2>/dev/null)" != "$(pwd -P)" ]; then
    cannot "this folder is no git clone, and the server of an earlier commit is built from its history."
fi
if [ $# -gt 0 ]; then
    commit=$(git rev-parse --verify "$1^{commit}")
elif ! commit=$(newest_other); then
    cannot "this clone has no commit with another program. If it is a shallow clone: \`git fetch --deepen 10\`."
fi
if [ -x "$PREVIOUS/rejoin" ] && [ "$(cat "$PREVIOUS/commit" 2>/dev/null)" = "$commit" ]; then
    exit
fi

echo "building the server of $(git show --no-patch --format='%h (%s)' "$commit")"
rm -rf "$PREVIOUS/rejoin" "$PREVIOUS/commit" "$PREVIOUS/src"
mkdir -p "$PREVIOUS/src"
# The files are as old as this moment, not as their commit: cargo builds what is newer than its last build.
git archive "$commit" | tar --extract --touch --directory "$PREVIOUS/src"
# Another version, so that cargo takes it for another package than the one of this folder. Both would be written to the
# same place otherwise, and the tests would run the program of the commit before.
sed --in-place '0,/^version = "\(.*\)"/s//version = "\1+previous"/' "$PREVIOUS/src/Cargo.toml"
sed --in-place '/^name = "rejoin"$/{n;s/"$/+previous"/}' "$PREVIOUS/src/Cargo.lock"
# With the compiled dependencies of this folder, but a binary of its own. `--examples`, of which there are none, makes
# cargo choose the dependencies' features as for the tests, so that none is compiled twice.
CARGO_BUILD_BUILD_DIR="$PWD/target" cargo build --locked --bin rejoin --examples \
    --manifest-path "$PREVIOUS/src/Cargo.toml" --target-dir "$PREVIOUS/build"
mv "$PREVIOUS/build/debug/rejoin" "$PREVIOUS/rejoin"
echo "$commit" >"$PREVIOUS/commit"
