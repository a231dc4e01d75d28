# Figures of docs/install.md, by tests/release.sh measure, which has the release at hand.

# The median of the numbers in the input, one a line.
median() {
    sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}

# How many ms a start takes until /readyz is 200, and the resident memory after it in KB, all and without the pages of
# files: of the binary alone.
start_binary() {
    local began pid port
    port=$(free_port)
    began=$(now_ms)
    REJOIN_LISTEN=127.0.0.1:$port REJOIN_DATA_DIR="$scratch/measured" REJOIN_LOG=error "$scratch/rejoin" >/dev/null &
    pid=$!
    until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; do sleep 0.001; done
    began=$(($(now_ms) - began))
    echo "$began $(awk '/^(VmRSS|RssAnon)/ { print $2 }' "/proc/$pid/status" | paste -s -d ' ')"
    kill "$pid"
    wait "$pid"
}

# The same with a container, which podman makes first.
start_image() {
    local began
    began=$(now_ms)
    start_container
    echo "$(($(now_ms) - began))"
    stop_container
}

for _ in {1..15}; do start_binary; done >"$scratch/binary-starts"
for _ in {1..11}; do start_image; done >"$scratch/image-starts"
echo "binary: $(stat --format %s "$scratch/rejoin") bytes"
echo "start of the binary until /readyz is 200, median of 15: $(cut -d' ' -f1 "$scratch/binary-starts" | median) ms"
echo "resident memory after it, median of 15: $(cut -d' ' -f2 "$scratch/binary-starts" | median) KB," \
    "of which $(cut -d' ' -f3 "$scratch/binary-starts" | median) KB are no pages of files"
echo "start of a container until it is healthy, median of 11: $(median <"$scratch/image-starts") ms"
