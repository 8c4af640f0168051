#!/bin/bash
# Put an engine of another version than the machine's into a folder: from Debian's packages, nothing is installed. Docker runs with the
# containerd and runc of the machine; Podman needs libraries of its own time and comes as a whole system to chroot into.
#
#   fetch-engine.sh 20|26|28|podman4|podman5 [DIR]     default .lab/engine-NAME; prints the folder
#
# Exit 3: it cannot be had here (no mirror, another version there by now). Callers skip what needs it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

name=${1:-}
case $name in
  20) suite=bookworm wanted=20.10 ;;
  26) suite=trixie wanted=26 ;;
  28) suite=sid wanted=28 ;;
  podman4) suite=bookworm wanted=4 ;;
  podman5) suite=trixie wanted=5 ;;
  *) sed -n '5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
dir=${2:-$LAB/engine-$name}
unavailable() { say "fetch-engine.sh: no engine $name here, what needs it is to be skipped"; exit 3; }

version_of() {
  case $name in
    podman*) dpkg-query --admindir="$dir/var/lib/dpkg" -W -f "\${Version}" podman 2>/dev/null ;;
    *) "$dir/usr/sbin/dockerd" --version 2>/dev/null ;;
  esac | grep -o '[0-9][0-9.]*[0-9]' | head -1 || true
}

# podman_tree: a minimal system with Podman and what it calls in it
podman_tree() {
  local tar log=$LAB/$name.log
  is_root && tar=$(debian_tar "$suite") || return
  rm -rf "$dir" && mkdir -p "$dir" && tar -C "$dir" -xf "$tar" || return
  cp /etc/resolv.conf "$dir/etc/resolv.conf"
  cp "$ROOT/scripts/images/base/99lab" "$dir/etc/apt/apt.conf.d/"
  printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d" && chmod +x "$dir/usr/sbin/policy-rc.d"
  chroot "$dir" sh -c 'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq &&
    apt-get install -y -qq podman runc catatonit netavark aardvark-dns nftables iptables' >"$log" 2>&1 </dev/null ||
    { tail -5 "$log" >&2; return 1; }
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
exec 9>"$dir.lock"
flock 9 # two callers: the second finds the work done
if [[ $(version_of) == "$wanted".* ]]; then echo "$dir"; exit; fi
case $name in
  podman*) podman_tree || unavailable ;;
  *) debian_package "$suite" docker.io "$wanted.*" "$dir" || unavailable ;;
esac
[[ $(version_of) == "$wanted".* ]] || { say "it is version $(version_of), not $wanted"; unavailable; }
say "engine $(version_of) in $dir"
echo "$dir"
