#!/bin/bash
# The daemon for some minutes while a repository changes every few seconds: stacks are changed, broken, mended, removed and
# come back, and containers are killed by hand. At the end everything has to be as the repository says, with nothing left over:
# no containers, networks, files, memory, open files, threads or processes.
#
#   SOAK_MINUTES=5  SOAK_STACKS=20  SOAK_SEED=1  scripts/soak.sh [PROGRAM]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

program=$(realpath "${1:-$ROOT/target/release/reconcile}")
minutes=${SOAK_MINUTES:-5}
stacks=${SOAK_STACKS:-20}
RANDOM=${SOAK_SEED:-1}
prefix=reconcile-soak-$$
image=reconcile-test/busybox:1
scratch=$(mktemp -d)
daemon=

theirs() { docker "$1" ls ${2:+$2} --filter "name=$prefix-" --format "$3"; }

clean() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  wait
  theirs container -a '{{.ID}}' | xargs -r docker rm -f >/dev/null
  theirs network '' '{{.ID}}' | xargs -r docker network rm >/dev/null
  rm -rf "$scratch"
}
trap clean EXIT

# stack NUMBER COMMAND: the half of them that have an odd number have a network of their own.
stack() {
  local network=
  [ $(($1 % 2)) = 1 ] || network='    network_mode: none'
  mkdir -p "$scratch/work/s$1"
  cat >"$scratch/work/s$1/compose.yaml" <<END
name: $prefix-s$1
services:
  app:
    image: $image
    command: $2
    init: true
    stop_grace_period: 0s
    environment: {LEVEL: "$level"}
    x-reconcile: {rollout: {running_for: 1s}}
$network
END
}

push() {
  git -C "$scratch/work" add -A
  git -C "$scratch/work" -c user.name=Soak -c user.email=soak@example.org commit -qm "$1" || return 0
  git -C "$scratch/work" push -q "$scratch/repo.git" HEAD:main
}

resident() { awk '/^VmRSS/{print $2}' "/proc/$daemon/status"; }
threads() { awk '/^Threads/{print $2}' "/proc/$daemon/status"; }
# Packs are counted by themselves: libgit2 keeps those of a store open, up to twenty, after which the store is made anew.
files() { find "/proc/$daemon/fd" -mindepth 1 -not -lname '*.pack*' 2>/dev/null | wc -l; }
packs() { find "/proc/$daemon/fd" -mindepth 1 -lname '*.pack*' -printf '%l\n' 2>/dev/null; }

level=0
git init -q --bare -b main "$scratch/repo.git"
git init -q -b main "$scratch/work"
good='[sleep, infinity]'
for number in $(seq "$stacks"); do stack "$number" "$good"; done
push 'all stacks'
"$program" watch --interval 1s --state-dir "$scratch/state" "$scratch/repo.git" >"$scratch/log" 2>&1 &
daemon=$!
run() { "$program" "$@" --state-dir "$scratch/state" "$scratch/repo.git"; }
in_sync() {
  local wanted=$1 found
  found=$(run status --format json 2>/dev/null | grep -c '"in_sync": true' || true)
  [ "$found" = "$wanted" ]
}
await() {
  local end=$((SECONDS + 180))
  until in_sync "$stacks"; do
    [ $SECONDS -lt $end ] || { say "not in sync after 180 s:"; run status >&2 || true; tail -50 "$scratch/log" >&2; exit 1; }
    sleep 1
  done
}
await
# Connections that are not used any more are closed after 20 to 40 s.
sleep 45
before_memory=$(resident) before_files=$(files) before_threads=$(threads)

commits=0 kills=0 broken=0 removed=0
end=$((SECONDS + minutes * 60))
while [ $SECONDS -lt $end ]; do
  kill -0 "$daemon" || { say "the daemon is gone:"; tail -50 "$scratch/log" >&2; exit 1; }
  number=$((RANDOM % stacks + 1))
  level=$((level + 1))
  case $((RANDOM % 8)) in
    0) stack $number '["false"]'; broken=$((broken + 1)); push "break s$number" ;;
    1) rm -rf "$scratch/work/s$number"; removed=$((removed + 1)); push "remove s$number" ;;
    2) docker kill "$prefix-s$number-app-1" >/dev/null 2>&1 && kills=$((kills + 1)) || true ;;
    *) stack $number "$good"; push "change s$number" ;;
  esac
  commits=$((commits + 1))
  sleep $((RANDOM % 3 + 1))
done

level=$((level + 1))
for number in $(seq "$stacks"); do stack "$number" "$good"; done
push 'mend all'
await
# Connections that are not used any more are closed after 20 to 40 s.
sleep 45
faults=0
fault() { say "$*"; faults=$((faults + 1)); }
containers=$(theirs container -a '{{.Names}}' | sort)
[ "$(wc -l <<<"$containers")" = "$stacks" ] || fault "containers left over or missing: $containers"
for number in $(seq "$stacks"); do
  docker inspect -f '{{.State.Running}} {{.Config.Env}}' "$prefix-s$number-app-1" 2>/dev/null | grep -q "^true .*LEVEL=$level" ||
    fault "s$number does not run as the repository says"
done
networks=$(theirs network '' '{{.Name}}' | wc -l)
[ "$networks" = $(((stacks + 1) / 2)) ] || fault "$networks networks in place of $(((stacks + 1) / 2))"
after_memory=$(resident) after_files=$(files) after_threads=$(threads)
# An allocator keeps some of what it had at its peak; a leak of a few kB with every commit is more than that after some minutes.
[ "$after_memory" -le $((before_memory * 3 / 2 + 8192)) ] || fault "memory grew from $before_memory to $after_memory kB"
[ "$after_files" -le $((before_files + 8)) ] || {
  fault "open files grew from $before_files to $after_files"
  find "/proc/$daemon/fd" -mindepth 1 -printf '%l\n' 2>/dev/null | sed 's/[0-9]\{3,\}/N/g' | sort | uniq -c | sort -rn | head >&2
}
[ "$(packs | wc -l)" -le 24 ] || fault "$(packs | wc -l) packs are open"
! packs | grep -F '(deleted)' >&2 || fault "packs of stores that are gone are open"
[ "$after_threads" -le $((before_threads + 8)) ] || fault "threads grew from $before_threads to $after_threads"
children=$(pgrep -P "$daemon" | wc -l || true)
[ "$children" -le 1 ] || fault "$children child processes"
kept=$(du -sk "$scratch/state" | cut -f1)
kill "$daemon"
wait "$daemon" || fault "the daemon ended with $?"
daemon=
[ "$(theirs container -a '{{.Names}}' | wc -l)" = "$stacks" ] || fault "ending it changed the containers"

say "$minutes min, $stacks stacks: $commits events (broken $broken, removed $removed, killed by hand $kills)"
say "memory $before_memory -> $after_memory kB, open files $before_files -> $after_files, threads $before_threads -> $after_threads, state directory $kept kB"
[ $faults = 0 ] || { say "$faults faults"; exit 1; }
say "everything is as the repository says, and nothing is left over"
