#!/bin/bash
# The tests on real engines of other versions and makers than the machine's: each is fetched, runs in namespaces of its own with its state in
# memory, and is gone at the end. The tests run in there too: their default socket is that engine's. Root is needed.
#
#   engines.sh [NAME...]      20 26 28 podman4 podman5, by default all; tells of each: passed or failed, what was left out and why, and the time
#
#   engines.sh NAME -- COMMAND...   runs a command in there in place of the tests, from the root of the checkout, such as a shell
#
#   ENGINES_TESTS="docker:: e2e::"    which tests of tests/it, by parts of their names
#   ENGINES_LOGS=DIR                  where outputs and the engines' logs go, default .lab/engines
#
# What an engine cannot do stands with its reason in tests/it/left_out.txt.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

ALL=(20 26 28 podman4 podman5)
TABLE=$ROOT/tests/it/left_out.txt
LOGS=${ENGINES_LOGS:-$LAB/engines}
PATIENCE=90 # seconds that an engine may take to come up
MINUTES=25  # and that its tests may take

# The first process of an engine's namespaces makes its mounts, starts it, and adopts orphans. $1: folder, $2: size of its state.
NAMESPACES='set -e
hostname "engine"; ip link set lo up
mount -t tmpfs tmpfs /run; mount -t tmpfs -o "size=$2" tmpfs "$1/state"; touch "$1/ready"
while :; do sleep 3600; done'

# Podman in its own system, laid over with memory; the folders that containers mount are where the tests see them. A changed root would not
# do: what is executed in a container later on would find itself in the machine's. $1: folder, $2: its system, $3: the checkout.
PODMAN='set -e
d=$1 root=$1/root
mkdir -p "$d/state/upper" "$d/state/work" "$root" "$d/net"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$d/state/upper,workdir=$d/state/work" "$root"
mkdir -p "$root/.old"
for folder in /sys /dev /run /tmp "$3"; do mkdir -p "$root$folder"; mount --rbind "$folder" "$root$folder"; done
mount -t proc proc "$root/proc"
cd "$root"; pivot_root . .old
export CONTAINERS_CONF="$d/containers.conf"
exec chroot . sh -c "umount -l /.old; exec podman --root $d/state/data --runroot $d/state/run --network-config-dir $d/net \
  system service --time 0 unix:///run/docker.sock"'

# Without systemd nobody runs the health checks of Podman; here each container has a loop that does. $1: the engine's socket.
HEALTH='api() { curl -s --max-time 30 --unix-socket "$1" "http://engine/v4.0.0/libpod/$2"; }
checks() {
  local said interval
  said=$(api "$1" "containers/$2/json")
  interval=$(grep -o "\"Healthcheck\":{[^}]*" <<<"$said" | grep -o "\"Interval\":[0-9]*" | head -1 | cut -d: -f2)
  while [[ $(api "$1" "containers/$2/json") == *"\"Running\":true"* ]]; do
    sleep "$(awk "BEGIN { print ${interval:-30000000000} / 1e9 }")"
    api "$1" "containers/$2/healthcheck" >/dev/null
  done
}
declare -A loops
while sleep 0.3; do
  for id in $(api "$1" "containers/json?filters=%7B%22health%22:%5B%22starting%22,%22healthy%22,%22unhealthy%22%5D%7D" |
    grep -o "\"Id\":\"[0-9a-f]*\"" | cut -d\" -f4); do
    [ -n "${loops[$id]:-}" ] && kill -0 "${loops[$id]}" 2>/dev/null || { checks "$1" "$id" & loops[$id]=$!; }
  done
done'

inside() { nsenter --target "$init" --pid --mount --net --uts -- "$@"; }
docker_of() { inside docker --host unix:///var/run/docker.sock "$@"; }

# --- an engine ------------------------------------------------------------------------------------------------------------------------
# namespaces: sets dir (its folder), holder (whose end is the end of all in them) and init (their first process)
namespaces() {
  dir=$(mktemp -d /tmp/reconcile-engine.XXXXXX)
  mkdir "$dir/state"
  setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount --mount-proc --net --uts \
    bash -c "$NAMESPACES" _ "$dir" 6g >"$LOGS/$name.init.log" 2>&1 </dev/null &
  holder=$!
  until [ -e "$dir/ready" ]; do
    kill -0 "$holder" 2>/dev/null || { cat "$LOGS/$name.init.log" >&2; return 1; }
    sleep 0.05
  done
  init=$(cat "/proc/$holder/task/$holder/children")
  init=${init// /}
}

# start PROGRAMS: the engine of that folder, in its namespaces
start() {
  local programs=$1 log=$LOGS/$name.engine.log
  case $name in
    podman*)
      podman_settings >"$dir/containers.conf"
      inside unshare --mount bash -c "$PODMAN" _ "$dir" "$programs" "$ROOT" >"$log" 2>&1 </dev/null & ;;
    *)
      echo '{}' >"$dir/daemon.json"
      PATH=$programs/usr/sbin:$programs/usr/bin:$PATH inside dockerd --config-file "$dir/daemon.json" --data-root "$dir/state/data" \
        --exec-root "$dir/state/exec" --pidfile "$dir/state/pid" --cgroup-parent "/${dir##*/}" >"$log" 2>&1 </dev/null & ;;
  esac
  local daemon=$! end=$((SECONDS + PATIENCE))
  until docker_of version >/dev/null 2>&1; do
    if ! kill -0 "$daemon" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; then tail -5 "$log" >&2; return 1; fi
    sleep 0.2
  done
  case $name in podman*) inside bash -c "$HEALTH" _ /run/docker.sock >/dev/null 2>&1 </dev/null & ;; esac
}

# Podman's own defaults ask for systemd, the journal and more open files than a container host in a container may give.
podman_settings() {
  cat <<C
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
cgroup_parent = "/${dir##*/}"
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=4096:4096"]
init_path = "/usr/bin/catatonit"
log_driver = "k8s-file"
C
}

# stop: the engine, all processes that it started, and what is left on the machine of them
stop() {
  [ -n "${dir:-}" ] || return 0
  kill -KILL "$holder" 2>/dev/null || true
  wait "$holder" 2>/dev/null || true
  local try
  for try in $(seq 50); do
    find /sys/fs/cgroup -depth -type d \( -path "*/${dir##*/}" -o -path "*/${dir##*/}/*" \) -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -maxdepth 2 -name "${dir##*/}")" ] || break
    sleep 0.1
  done
  rm -rf "$dir"
  dir=
}

# --- the tests ------------------------------------------------------------------------------------------------------------------------
# left_out: the rows of the table for this engine, as TEST REASON
left_out() {
  local engines test reason
  while read -r engines test reason; do
    case $engines in '' | '#'*) continue ;; esac
    [[ ",$engines," == *",$name,"* ]] && printf '%s %s\n' "$test" "$reason"
  done <"$TABLE"
  return 0
}

# skipped FILE: what tests said of themselves, as TEST REASON
skipped() {
  awk '/^---- .* stdout ----$/ { test = $2 } /^skipped: / && test { sub(/^skipped: /, ""); print test, $0; test = "" }' "$1"
}

# tests: run in the engine's namespaces; prints what came of them
tests() {
  local out=$LOGS/$name.tests.log words=() test reason count
  while read -r test reason; do
    grep -q "^$test.*: test$" "$LOGS/list" || die "tests/it/left_out.txt names $test, which is no test"
    words+=(--skip "$test")
  done < <(left_out)
  local result=passed
  # shellcheck disable=SC2086 # a list of words
  inside timeout "${MINUTES}m" env "PATH=$path" DOCKER_HOST=unix:///var/run/docker.sock RECONCILE_TEST_ENGINE=required \
    RECONCILE_TEST_COMPOSE="$compose" "$binary" $chosen "${words[@]}" --show-output >"$out" 2>&1 </dev/null || result=FAILED
  count=$(sed -n 's/^test result: .*\. \([0-9]*\) passed; \([0-9]*\) failed.*/\1 passed, \2 failed/p' "$out")
  printf '%-8s %-26s %s: %s, %s s\n' "$name" "$version" "$result" "${count:-the tests did not come to their end}" "$(since "$t0")"
  { left_out; skipped "$out"; } | sort -u | sed 's/^\([^ ]*\) /  left out \1: /'
  sed -n 's/^test \(.*\) \.\.\. FAILED$/  FAILED   \1/p' "$out"
  [ $result = passed ] || { say "  its outputs: $out"; return 1; }
}

# engine NAME: the whole of it; fails if a test does
engine() {
  local programs t0=$EPOCHREALTIME version=
  name=$1
  programs=$("$ROOT/scripts/fetch-engine.sh" "$name") || { printf '%-8s left out: it cannot be fetched here\n' "$name"; return 0; }
  trap stop RETURN
  namespaces && start "$programs" || { printf '%-8s FAILED: it does not start, see %s\n' "$name" "$LOGS/$name.engine.log"; return 1; }
  docker_of load -q -i "$images" >/dev/null
  if [ ${#command[@]} -gt 0 ]; then inside env -C "$ROOT" "PATH=$path" DOCKER_HOST=unix:///var/run/docker.sock "${command[@]}"; return; fi
  version=$(docker_of version --format '{{(index .Server.Components 0).Name}} {{.Server.Version}} (API {{.Server.APIVersion}})')
  tests
}

main() {
  local names=() name failed=0
  while [ $# -gt 0 ] && [ "$1" != -- ]; do names+=("$1"); shift; done
  command=("${@:2}")
  [ ${#names[@]} -gt 0 ] || names=("${ALL[@]}")
  for name in "${names[@]}"; do
    [[ " ${ALL[*]} " == *" $name "* ]] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
  done
  is_root || die "namespaces for engines of their own need root"
  for tool in dockerd unshare nsenter setpriv ip curl; do have "$tool" || die "no $tool: run scripts/setup.sh"; done
  mkdir -p "$LOGS"
  chosen=${ENGINES_TESTS:-docker:: e2e::}

  cd "$ROOT"
  "${CARGO:-cargo}" test --locked --test it --no-run
  binary=$("${CARGO:-cargo}" test --locked --test it --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"name":"it".*"executable":"\([^"]*\)".*/\1/p')
  "$binary" --list >"$LOGS/list"
  # What a test needs and cannot be had here, that test says to be skipped.
  compose=${RECONCILE_TEST_COMPOSE:-$("$ROOT/scripts/reference-compose.sh" "$LAB/compose" || true)}
  path=$PATH
  registry=$("$ROOT/scripts/registry.sh" program) && path=${registry%/*}:$PATH
  "$ROOT/scripts/images.sh" test
  images=$(mktemp)
  docker save -o "$images" $("$ROOT/scripts/images.sh" list | awk '$1 == "test" { print $2 }')
  trap 'stop; rm -f "$images"' EXIT

  for name in "${names[@]}"; do engine "$name" || failed=1; done
  return $failed
}
main "$@"
