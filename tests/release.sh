#!/usr/bin/env bash
# Makes a release and tries it out: the checksums, the archive, the bill of materials, the unit, and the image, which is
# run.
#   tests/release.sh            checks
#   tests/release.sh measure    checks, and measures sizes, memory and the time of a start
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/debian.sh

readonly FOLDER=target/release-files
# The most that a unit may be exposed, in tenths of what systemd-analyze says; and bytes of an image.
readonly MOST_EXPOSURE=15
readonly MOST_BYTES=30000000

scratch=
container=
valkey=
clean_up() {
    [ -z "$container" ] || podman_here rm --force --time 0 "$container" >/dev/null 2>&1 || true
    [ -z "$valkey" ] || kill "$valkey" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT
scratch=$(mktemp -d)

fail() {
    echo "tests/release.sh: $*" >&2
    exit 1
}

# Waits up to 20 s until a command succeeds.
until_true() {
    local tries=200
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || fail "waited in vain for: $*"
        sleep 0.1
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

check_archive() {
    (cd "$FOLDER" && sha256sum --check --quiet SHA256SUMS)
    tar --extract --gzip --strip-components 1 --directory "$scratch" --file "$(echo "$FOLDER"/rejoin-*-linux.tar.gz)"
    local version libraries
    version=$("$scratch/rejoin" --version)
    echo "$version"
    [[ $version =~ "commit $(git rev-parse --short=12 HEAD)" ]] || fail "the binary was built from another commit"
    libraries=$(ldd "$scratch/rejoin" 2>&1 || true)
    [[ $libraries =~ "statically linked"|"not a dynamic executable" ]] || fail "the binary needs $libraries"
    python3 tests/links.py "$scratch"
    # All that docs/install.md takes from it, and all that compose.yaml mounts from its folder.
    local file
    for file in rejoin deploy/rejoinctl; do
        [ -x "$scratch/$file" ] || fail "$file is not in the archive, or can't be run"
    done
    for file in .env deploy/alerts.yml deploy/etc/rejoin.env.example deploy/grafana.json deploy/rejoin.service \
        $(grep -o '\./deploy/[^:"]*' "$scratch/compose.yaml"); do
        [ -e "$scratch/$file" ] || fail "$file is not in the archive"
    done
    [ "$(ls "$scratch/deploy/etc")" = rejoin.env.example ] || fail "settings of this machine are in the archive"
}

check_bill_of_materials() {
    local file
    file=$(echo "$FOLDER"/rejoin-*.cdx.json)
    if ! cmp --quiet tests/sbom/package-lock.json tests/sbom/node_modules/.lock; then
        npm ci --prefix tests/sbom --ignore-scripts --no-audit --no-fund --loglevel=error
        cp tests/sbom/package-lock.json tests/sbom/node_modules/.lock
    fi
    cargo tree --locked --edges normal --prefix none --format '{p}' --target "$(rustc --print host-tuple)" |
        grep -v '^rejoin v' | sort -u >"$scratch/crates"
    node tests/sbom/check.mjs "$file" "$scratch/crates"
}

check_unit() {
    local unit="$scratch/rejoin.service"
    # The program that it starts must be there.
    sed "s|^ExecStart=/usr/local/bin/rejoin|ExecStart=$scratch/rejoin|" "$scratch/deploy/rejoin.service" >"$unit"
    systemd-analyze verify "$unit"
    systemd-analyze security --offline=true --threshold="$MOST_EXPOSURE" "$unit" | tail -1
}

podman_here() {
    podman --root "$scratch/images" --runroot "$scratch/run" --storage-driver vfs --cgroup-manager cgroupfs \
        --runtime runc --log-level fatal "$@"
}

# The options of a container as strict as compose.yaml has them, with the system calls of the unit.
strictly() {
    options=(--network host --no-healthcheck --read-only --read-only-tmpfs=false --cap-drop all
        --security-opt no-new-privileges --security-opt "seccomp=$scratch/seccomp.json"
        --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 --volume rejoin:/data)
}

# Starts the image: start_container <options>
start_container() {
    port=$(free_port)
    strictly
    container=$(podman_here run --detach "${options[@]}" --env REJOIN_LISTEN="127.0.0.1:$port" \
        --env REJOIN_ADMIN_LISTEN="127.0.0.1:$(free_port)" "$@" "$image")
    until_true podman_here exec "$container" /usr/local/bin/rejoin health
}

stop_container() {
    local began
    began=$(date +%s)
    podman_here stop --time 15 "$container" >/dev/null
    [ $(($(date +%s) - began)) -le 10 ] || fail "a stop took more than 10 s"
    [ "$(podman_here inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "it did not end with 0"
    podman_here rm "$container" >/dev/null
    container=
}

call() {
    curl --silent --show-error --fail --header 'Content-Type: application/json' "http://127.0.0.1:$port/api/$1" "${@:2}"
}

load_image() {
    local loaded bytes
    podman_here load --quiet --input "$(echo "$FOLDER"/rejoin-*.image.tar)" >"$scratch/loaded"
    image=$(sed -n 's/^Loaded image: //p' "$scratch/loaded" | tail -1)
    bytes=$(podman_here image inspect --format '{{.Size}}' "$image")
    echo "the image has $bytes bytes, its archive $(stat --format %s "$FOLDER"/rejoin-*.image.tar)"
    [ "$bytes" -lt "$MOST_BYTES" ] || fail "the image is too large"
    loaded=$(podman_here image inspect --format '{{.User}} {{.Config.Entrypoint}} {{.HealthCheck.Test}}' "$image")
    [ "$loaded" = "65532:65532 [/usr/local/bin/rejoin] [CMD /usr/local/bin/rejoin health]" ] || fail "the image: $loaded"
    # Nothing but the binary, and what every container gets: no shell, no library.
    container=$(podman_here create "$image")
    podman_here export "$container" | tar --list | grep -v '/$' | grep -vE '^(dev|etc|proc|run|sys)/' >"$scratch/files"
    podman_here rm "$container" >/dev/null
    container=
    [ "$(cat "$scratch/files")" = usr/local/bin/rejoin ] || fail "there is more in the image: $(cat "$scratch/files")"
}

check_image() {
    load_image
    python3 tests/seccomp.py "$scratch/deploy/rejoin.service" >"$scratch/seccomp.json"
    start_container
    local pid user session
    pid=$(podman_here inspect --format '{{.State.Pid}}' "$container")
    user=$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")
    [ "$user" = 65532 ] || fail "it runs as user $user"
    grep -q '^Seccomp:.2$' "/proc/$pid/status" || fail "its system calls are not filtered"
    session=$(call game/session --data '{"quizId": "civics", "questionIds": ["civics-opening-words"]}')
    session=$(jq --raw-output .sessionId <<<"$session")
    call game/answer --data '{"sessionId": "'"$session"'", "questionId": "civics-opening-words", "optionId": 1}' |
        jq --exit-status '.correct and .completed' >/dev/null || fail "the answer was not right"
    stop_container
    # Another container finds the game on the volume.
    start_container
    call "game/results/$session" | jq --exit-status '.completed and .correctCount == 1' >/dev/null || fail "it is gone"
    stop_container
    echo "a game was played in the image, read-only, as user $user, with the unit's system calls, over a stop"
}

# What docs/install.md says about settings in a folder, commands, backups and a restore, with the same image.
check_operator() {
    local etc="$scratch/etc" key status
    mkdir "$etc"
    cp "$scratch/deploy/etc/rejoin.env.example" "$etc/rejoin.env"
    local mounted=(--volume "$etc:/etc/rejoin:ro" --env-file "$etc/rejoin.env"
        --env REJOIN_API_KEYS_FILE=/etc/rejoin/api-keys)
    strictly
    # Without its file of keys it is not open to strangers: it does not start.
    if podman_here run --rm "${options[@]}" "${mounted[@]}" "$image" >"$scratch/refused" 2>&1; then
        fail "it started without keys"
    fi
    grep -q 'REJOIN_API_KEYS_FILE: /etc/rejoin/api-keys' "$scratch/refused" || fail "$(cat "$scratch/refused")"
    openssl rand -hex 32 >"$etc/api-keys"
    chmod 755 "$etc"
    chmod 644 "$etc/api-keys"
    start_container "${mounted[@]}"
    status=$(podman_here exec "$container" rejoin status)
    grep -q '^backups  *no schedule; there is none yet' <<<"$status" || fail "no word of backups: $status"
    podman_here exec "$container" rejoin backup /data/backups/mine.redb
    # As an editor does it: the new file has the old one's name.
    key=$(openssl rand -hex 32)
    echo "$key" >"$etc/api-keys.new"
    mv "$etc/api-keys.new" "$etc/api-keys"
    podman_here kill --signal HUP "$container" >/dev/null
    until_true call rooms --header "Authorization: Bearer $key" --data '{"quizId": "civics"}'
    stop_container
    podman_here run --rm "${options[@]}" "$image" restore /data/backups/mine.redb --replace
    start_container "${mounted[@]}"
    podman_here exec "$container" rejoin sessions list --json | jq --exit-status '.sessions | all(.kind != "room")' \
        >/dev/null || fail "the room is younger than the backup"
    stop_container
    echo "in the image keys were changed, a backup was made and restored, all as docs/install.md says"
}

# A static binary looks names up by itself.
check_names() {
    local valkey_port
    valkey_port=$(free_port)
    (cd "$scratch" && exec "$OLDPWD/target/valkey/valkey-server" --port "$valkey_port" --save "" \
        --maxmemory-policy noeviction >/dev/null) &
    valkey=$!
    start_container --env SESSION_STORE=valkey --env VALKEY_URL="valkey://localhost:$valkey_port"
    call game/session --data '{"quizId": "civics", "count": 1}' >/dev/null
    stop_container
    kill "$valkey"
    valkey=
    echo "a game was created in a Valkey that the image found by its name"
}

need_node
need_programs buildah podman runc jq curl openssl
# Newer systems have it as a package of its own.
command -v systemd-analyze >/dev/null || install_debian systemd
tests/servers.sh
deploy/release.sh "$FOLDER"
check_archive
check_bill_of_materials
check_unit
check_image
check_operator
check_names
if [ "${1:-}" = measure ]; then
    . tests/measure.sh
fi
