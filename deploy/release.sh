#!/usr/bin/env bash
# Makes a release for this machine's architecture: deploy/release.sh [folder], by default target/release-files.
#
#   rejoin-<version>-<architecture>-linux.tar.gz     the static binary, the unit, compose.yaml, configurations, docs
#   rejoin-<version>-<architecture>-linux.cdx.json   the bill of materials (CycloneDX), which names every crate
#   rejoin-<version>-<architecture>-linux.image.tar  the image, for `docker load` and `podman load`
#   SHA256SUMS
#
# The same commit is meant to make the same files, with the same compiler and in whatever folder: no time, folder or user
# of this machine goes into them. No test compares two builds. Needs Rust, a C compiler and buildah, which it installs
# where it may.
set -euo pipefail
folder=$(realpath --canonicalize-missing "${1:-$(dirname "$0")/../target/release-files}")
cd "$(dirname "$0")/.."
. tests/debian.sh

readonly CYCLONEDX_VERSION=0.5.9
readonly TOOLS="$PWD/target/tools"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name="rejoin-$version-$(uname -m)-linux"
# The time of the commit, for everything that wants a time.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat --format %Y Cargo.lock)
export SOURCE_DATE_EPOCH

scratch=
trap 'rm -rf "$scratch"' EXIT
mkdir -p target
scratch=$(mktemp -d "$PWD/target/scratch.XXXXXX")

make_archive() {
    local root="$scratch/$name"
    install -D --mode 755 --target-directory "$root" "$scratch/binary/rejoin"
    install -D --mode 644 --target-directory "$root" README.md LICENSE-APACHE LICENSE-MIT compose.yaml .env
    install -D --mode 644 --target-directory "$root/deploy" deploy/rejoin.service deploy/Caddyfile deploy/*.conf \
        deploy/alerts.yml deploy/grafana.json
    install -D --mode 755 --target-directory "$root/deploy" deploy/rejoinctl
    install -D --mode 644 --target-directory "$root/deploy/etc" deploy/etc/*.example
    install -D --mode 644 --target-directory "$root/docs" docs/*.md docs/*.png docs/*.json
    install -D --mode 644 --target-directory "$root/data" data/quiz.schema.json
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        --directory "$scratch" "$name" | gzip --no-name -9 >"$folder/$name.tar.gz"
}

make_bill_of_materials() {
    if ! "$TOOLS/bin/cargo-cyclonedx" cyclonedx --version 2>/dev/null | grep -qF "$CYCLONEDX_VERSION"; then
        # Without optimizations: it runs for a second and would take minutes to compile.
        cargo install --locked --quiet --debug --root "$TOOLS" --version "$CYCLONEDX_VERSION" cargo-cyclonedx
    fi
    PATH="$TOOLS/bin:$PATH" cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries \
        --no-build-deps --target "$(rustc --print host-tuple)"
    # It names this package by its folder.
    sed "s|path+file://$PWD|path+file:///rejoin|" rejoin_bin.cdx.json >"$folder/$name.cdx.json"
    rm rejoin_bin.cdx.json
}

make_image() {
    need_programs buildah
    buildah_here() {
        buildah --root "$scratch/images" --runroot "$scratch/run" --storage-driver vfs "$@"
    }
    mkdir "$scratch/binary/data"
    local holder
    holder=$(buildah_here from scratch)
    buildah_here copy --quiet "$holder" "$scratch/binary" /binary >/dev/null
    buildah_here commit --quiet "$holder" rejoin-binary >/dev/null
    # Only Docker's format of images has health checks.
    buildah_here build --quiet --format docker --isolation chroot --timestamp "$SOURCE_DATE_EPOCH" \
        --build-arg BINARY_IMAGE=rejoin-binary --tag "rejoin:$version" . >/dev/null
    rm -f "$folder/$name.image.tar"
    buildah_here push --quiet "rejoin:$version" "docker-archive:$folder/$name.image.tar:rejoin:$version"
}

mkdir -p "$folder"
deploy/build-static.sh "$scratch/binary/rejoin"
make_archive
make_bill_of_materials
make_image
(cd "$folder" && sha256sum "$name".* >SHA256SUMS)
ls -l "$folder"
