#!/bin/bash
# The five deployments of examples/stacks on this machine's engine, one changed line, and the proof that only it was applied.
#
#   demo.sh            runs it and leaves the stacks up
#   demo.sh --down     takes them down again; their volumes stay
#
#   RECONCILE   the program (target/release/reconcile)
#   DEMO_DIR    where the copy of the stacks lies (.lab/demo)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

RECONCILE=${RECONCILE:-$ROOT/target/release/reconcile}
DEMO_DIR=${DEMO_DIR:-$LAB/demo}
STACKS=(cdp dozer paw polygon storefront)

title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() { printf '\033[2m$ %s\033[0m\n' "reconcile $*"; "$RECONCILE" "$@"; }
# every container of the five stacks: service, id, start time
containers() {
  local stack ids=()
  for stack in "${STACKS[@]}"; do
    mapfile -t -O "${#ids[@]}" ids < <(docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$stack")
  done
  [ ${#ids[@]} = 0 ] || docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}/{{
    index .Config.Labels "com.docker.compose.service"}} {{slice .Id 0 12}} {{.State.StartedAt}}' "${ids[@]}" | sort
}

# A git work tree of its own: what containers write beside the compose files is then data, not a change.
copy_stacks() {
  rm -rf "$DEMO_DIR"
  mkdir -p "$DEMO_DIR"
  cp -a "$ROOT/examples/stacks/." "$DEMO_DIR/"
  rm -rf "$DEMO_DIR/dozer/.dozer"
  git -C "$DEMO_DIR" init -q
  commit 'five deployments'
}
commit() {
  git -C "$DEMO_DIR" add -A
  git -C "$DEMO_DIR" -c user.name=demo -c user.email=demo@example.org commit -qm "$1"
}

# expect DESCRIPTION COMMAND...
expect() {
  local what=$1
  shift
  if "$@"; then echo "ok: $what"; else die "NOT so: $what"; fi
}
same() { [ "$1" = "$2" ]; }

demo() {
  local before after changed
  [ -x "$RECONCILE" ] || die "no program at $RECONCILE: make build"
  need_engine
  copy_stacks

  title "1. Five stacks from a git work tree, from nothing"
  run "$DEMO_DIR"
  run status "$DEMO_DIR"
  before=$(containers)

  title "2. One line changes: polygon is to follow two tickers"
  sed -i 's/^POLYGON_TICKERS=.*/POLYGON_TICKERS=TSLA,AAPL/' "$DEMO_DIR/polygon/.env"
  commit 'polygon: follow AAPL too'
  git -C "$DEMO_DIR" --no-pager show --stat --format='%h %s' HEAD
  run --dry-run "$DEMO_DIR"
  expect "the dry run changed nothing" same "$before" "$(containers)"

  title "3. Applied: that service, and no other"
  run "$DEMO_DIR"
  after=$(containers)
  diff <(echo "$before") <(echo "$after") | grep '^[<>]' || true
  changed=$({ diff <(echo "$before") <(echo "$after") || true; } | awk '/^[<>]/ { print $2 }' | sort -u)
  expect "one container is new: polygon/ticker-service; $(($(wc -l <<<"$after") - 1)) others run on as they were" same "$changed" polygon/ticker-service

  title "4. Again: nothing to do"
  run "$DEMO_DIR"
  expect "no container was touched" same "$after" "$(containers)"

  title "Left running. Look at http://localhost:8081/ticks, http://localhost:8011/api/trades; remove all with: scripts/demo.sh --down"
}

down() {
  local stack
  need_engine
  [ -d "$DEMO_DIR" ] && cd "$DEMO_DIR"
  for stack in "${STACKS[@]}"; do run down "$stack"; done
  say "containers and networks are gone, volumes are kept: docker volume ls"
}

case ${1:-} in
  '') demo ;;
  --down) down ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
