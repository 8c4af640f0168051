# shellcheck shell=bash
# Functions that the scripts share. Source it, do not run it:  . "$(dirname "$0")/lib.sh"

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Everything that the scripts download, unpack or log lies here; git ignores it and `make clean-lab` removes it.
LAB=${LAB:-$ROOT/.lab}
export ROOT LAB

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# seconds since EPOCHREALTIME value $1, one decimal
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# The Debian mirror that this machine itself uses: no host is named in this repository.
debian_mirror() {
  local uri=
  uri=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null) || true
  [ -n "$uri" ] || uri=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }' \
    /etc/apt/sources.list 2>/dev/null) || true
  [ -n "$uri" ] || die "no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d/debian.sources"
  printf '%s\n' "${uri%/}"
}

# apt_install PACKAGE...: install the packages; the lists are fetched only when the first try fails without them.
apt_install() {
  is_root || die "missing packages: $* - run as root, or: sudo apt-get install $*"
  have apt-get || die "missing: $* - and there is no apt-get here: install them by hand"
  local t0=$EPOCHREALTIME log=$LAB/apt.log
  mkdir -p "$LAB"
  say "apt-get install $*"
  if ! apt_quiet "$@" >"$log" 2>&1; then
    apt-get update -qq >>"$log" 2>&1 || true
    apt_quiet "$@" >>"$log" 2>&1 || { tail -20 "$log" >&2; die "apt-get install $* failed (whole log: $log)"; }
  fi
  say "  done in $(since "$t0") s"
}
apt_quiet() { DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null; }

engine_up() { timeout 15 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
need_engine() { engine_up || die "no container engine answers at ${DOCKER_HOST:-the default socket}: run scripts/setup.sh"; }
has_image() { docker image inspect "$1" >/dev/null 2>&1; }
