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

# debian_package SUITE PACKAGE VERSION DIR: unpack a package of another Debian suite into DIR; nothing is installed. VERSION is a pattern:
# an archive moves on. Where it cannot be had, it says why and returns 1.
debian_package() (
  suite=$1 package=$2 wanted=$3 dir=$4
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mirror=$(debian_mirror) || exit 1
  fetch() { curl -fsS --connect-timeout 10 --retry 3 "$mirror/$1" -o "$scratch/$2" || { say "cannot fetch $1"; exit 1; }; }

  fetch "dists/$suite/main/binary-$(dpkg --print-architecture)/Packages.xz" packages.xz
  xz -dc "$scratch/packages.xz" | awk -v package="$package" 'BEGIN { RS = ""; FS = "\n" } $1 == "Package: " package {
    for (i = 2; i <= NF; i++) { split($i, field, ": "); value[field[1]] = field[2] }
    print value["Version"], value["Filename"], value["SHA256"] }' >"$scratch/found"
  read -r version file sum <"$scratch/found" || { say "no package $package in Debian $suite"; exit 1; }
  # shellcheck disable=SC2053 # it is a pattern
  [[ $version == $wanted ]] || { say "Debian $suite has $package $version by now, not $wanted"; exit 1; }
  fetch "$file" package.deb
  echo "$sum  $scratch/package.deb" | sha256sum --check --quiet || { say "$file is not what the archive's list says"; exit 1; }
  mkdir -p "$dir" && dpkg -x "$scratch/package.deb" "$dir"
)

# debian_tar SUITE: the path of an archive of a minimal system, which debootstrap makes when it is first needed
debian_tar() {
  local suite=$1 tar=$LAB/$1.tar tree=$LAB/$1.tree log=$LAB/debootstrap.log
  if [ ! -s "$tar" ]; then
    { is_root && have debootstrap; } || die "debootstrap and root are needed to make a base system: run scripts/setup.sh as root"
    rm -rf "$tree"
    debootstrap --variant=minbase "$suite" "$tree" "$(debian_mirror)" >"$log" 2>&1 ||
      { tail -15 "$log" >&2; die "debootstrap $suite failed (whole log: $log)"; }
    rm -rf "$tree"/var/cache/apt/{archives/*.deb,*.bin} "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,info,locale}/*
    tar -C "$tree" --exclude='./dev/*' -cf "$tar.part" . && mv "$tar.part" "$tar"
    rm -rf "$tree"
  fi
  echo "$tar"
}

engine_up() { timeout 15 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
need_engine() { engine_up || die "no container engine answers at ${DOCKER_HOST:-the default socket}: run scripts/setup.sh"; }
has_image() { docker image inspect "$1" >/dev/null 2>&1; }
