#!/bin/bash
# A private image registry on this machine's loopback, for the tests of pulling: Debian's docker-registry, unpacked into .lab/.
#
#   registry.sh up PORT [USER:PASSWORD]    plain http at 127.0.0.1:PORT, which every engine accepts as insecure by default
#   registry.sh down [PORT]                one, or all that this checkout started; their data goes too
#   registry.sh program                    prints the path of the registry's program
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
BASE=$LAB/registry

program() { # the path of docker-registry, unpacked when it is first needed
  local unpacked=$BASE/unpacked/usr/bin/docker-registry
  if have docker-registry; then command -v docker-registry; return; fi
  if [ ! -x "$unpacked" ]; then
    mkdir -p "$BASE/unpacked"
    (cd "$BASE" && { apt-get download -q docker-registry || { is_root && apt-get update -qq && apt-get download -q docker-registry; }; }) \
      >"$BASE/apt.log" 2>&1 || { tail -3 "$BASE/apt.log" >&2; die "cannot fetch the package docker-registry"; }
    dpkg -x "$BASE"/docker-registry_*.deb "$BASE/unpacked" && rm -f "$BASE"/docker-registry_*.deb
  fi
  echo "$unpacked"
}

# bcrypt_line USER:PASSWORD: a line for htpasswd; the registry takes no other hash
bcrypt_line() {
  have htpasswd || apt_install apache2-utils
  htpasswd -Bbn "${1%%:*}" "${1#*:}"
}

config() { # DIR PORT [USER:PASSWORD]
  local dir=$1 port=$2 login=${3:-}
  cat <<Y
version: 0.1
log: { level: info }
storage:
  filesystem: { rootdirectory: $dir/data }
  delete: { enabled: true }
  maintenance: { uploadpurging: { enabled: false } }
http: { addr: "127.0.0.1:$port" }
Y
  [ -z "$login" ] || printf 'auth:\n  htpasswd: { realm: lab, path: %s/htpasswd }\n' "$dir"
}

# answers PORT: it is up, with or without a login
answers() { [[ $(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$1/v2/") =~ ^(200|401)$ ]]; }

up() {
  local port=$1 login=${2:-} dir=$BASE/$1 registry
  ! answers "$port" || { [ -s "$dir/pid" ] && say "registry: up already at 127.0.0.1:$port" && return; die "port $port is taken"; }
  registry=$(program)
  mkdir -p "$dir"
  [ -z "$login" ] || bcrypt_line "$login" >"$dir/htpasswd"
  config "$dir" "$port" "$login" >"$dir/config.yml"
  # shellcheck disable=SC2031
  OTEL_TRACES_EXPORTER=none setsid "$registry" serve "$dir/config.yml" >"$dir/log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  for _ in $(seq 100); do
    answers "$port" && { say "registry: up at 127.0.0.1:$port${login:+ (login needed)}"; return; }
    sleep 0.1
  done
  tail -3 "$dir/log" >&2
  die "the registry did not come up at 127.0.0.1:$port"
}

down() {
  local dir pid
  for dir in "$BASE"/${1:-[0-9]*}; do
    [ -s "$dir/pid" ] || continue
    pid=$(<"$dir/pid")
    # only what this script started: the number may belong to another program by now
    ! grep -q docker-registry "/proc/$pid/cmdline" 2>/dev/null || kill "$pid" 2>/dev/null || true
    rm -rf "$dir"
    say "registry: ${dir##*/} down"
  done
}

case ${1:-} in
  up) [ $# -ge 2 ] || die "up needs a port"; up "$2" "${3:-}" ;;
  down) down "${2:-}" ;;
  program) program ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
