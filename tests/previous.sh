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

# What is built where there is no earlier commit: the tests then show less, but they run.
readonly THIS_FOLDER="this folder"
if [ $# -gt 0 ]; then
    commit=$(git rev-parse --verify "$1^{commit}")
elif [ "$(git rev-parse --show-toplevel 2>/dev/null)" != "$(pwd -P)" ]; then
    echo "This folder is no git clone, so the tests of upgrades compare it with itself." >&2
    commit=$THIS_FOLDER
elif ! commit=$(newest_other); then
    echo "This clone has no commit with another program, so the tests of upgrades compare it with itself. If it is a" \
        "shallow clone: \`git fetch --deepen 10\`." >&2
    commit=$THIS_FOLDER
fi
built=$(cat "$PREVIOUS/commit" 2>/dev/null || true)
if [ -x "$PREVIOUS/rejoin" ] && [ "$built" = "$commit" ] && [ "$built" != "$THIS_FOLDER" ]; then
    exit
fi

rm -rf "$PREVIOUS/rejoin" "$PREVIOUS/commit" "$PREVIOUS/src"
mkdir -p "$PREVIOUS/src"
sources() {
    if [ "$commit" = "$THIS_FOLDER" ]; then
        tar --create --exclude ./target --exclude ./.git --exclude node_modules .
    else
        git archive "$commit"
    fi
}
echo "building the server of $commit"
# The files are as old as this moment, not as their commit: cargo builds what is newer than its last build.
sources | tar --extract --touch --directory "$PREVIOUS/src"
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
