#!/bin/bash
# Put a newer Docker engine than the machine's into a folder: from Debian unstable's package, nothing is installed. It runs with the
# containerd and runc of the machine.
#
#   newer-engine.sh [DIR]     default .lab/engine-28; prints the folder
#
# Exit 3: it cannot be had here (no mirror, another version there by now). Callers skip what needs it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

WANTED=28
dir=${1:-$LAB/engine-28}
unavailable() { say "newer-engine.sh: $*: no newer engine here, what needs it is to be skipped"; exit 3; }
version_of() { "$1/usr/sbin/dockerd" --version 2>/dev/null | sed -n 's/^Docker version \([0-9.]*\).*/\1/p'; }

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [[ $(version_of "$dir") == "$WANTED".* ]]; then echo "$dir"; exit; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mirror=$(debian_mirror) || exit 3
fetch() { curl -fsS --connect-timeout 10 --retry 3 "$mirror/$1" -o "$scratch/$2" 2>"$scratch/err" || unavailable "$(cat "$scratch/err") ($1)"; }

arch=$(dpkg --print-architecture)
fetch "dists/sid/main/binary-$arch/Packages.xz" packages.xz
xz -dc "$scratch/packages.xz" >"$scratch/packages"
read -r version file sum < <(awk 'BEGIN { RS = ""; FS = "\n" } $1 == "Package: docker.io" {
  for (i = 2; i <= NF; i++) { split($i, field, ": "); value[field[1]] = field[2] }
  print value["Version"], value["Filename"], value["SHA256"] }' "$scratch/packages") || unavailable "no package docker.io in Debian unstable"
[[ $version == "$WANTED".* ]] || unavailable "Debian unstable has docker.io $version by now, not $WANTED"
fetch "$file" engine.deb
echo "$sum  $scratch/engine.deb" | sha256sum --check --quiet || unavailable "the package is not what the archive's list says"
dpkg -x "$scratch/engine.deb" "$dir"
say "docker engine $(version_of "$dir") in $dir"
echo "$dir"
