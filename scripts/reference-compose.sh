#!/bin/bash
# Put the reference implementation, docker compose 2.40, into a folder: from Debian unstable's package, nothing is installed.
#
#   reference-compose.sh [DIR]     default .lab/reference; prints the path of the program
#
# Exit 3: it cannot be had here (no mirror, another version there by now). Callers skip what needs it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

WANTED=2.40
dir=${1:-$LAB/reference}
program=$dir/docker-compose
unavailable() { say "reference-compose.sh: $*: no reference implementation here, what needs it is to be skipped"; exit 3; }
version_of() { "$1" version --short 2>/dev/null || true; }

if [[ $(version_of "$program") == "$WANTED".* ]]; then echo "$program"; exit; fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
program=$dir/docker-compose
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mirror=$(debian_mirror) || exit 3
fetch() { curl -fsS --connect-timeout 10 --retry 3 "$mirror/$1" -o "$scratch/$2" 2>"$scratch/err" || unavailable "$(cat "$scratch/err") ($1)"; }

arch=$(dpkg --print-architecture)
fetch "dists/sid/main/binary-$arch/Packages.xz" packages.xz
xz -dc "$scratch/packages.xz" >"$scratch/packages"
read -r version file sum < <(awk 'BEGIN { RS = ""; FS = "\n" } $1 == "Package: docker-compose" {
  for (i = 2; i <= NF; i++) { split($i, field, ": "); value[field[1]] = field[2] }
  print value["Version"], value["Filename"], value["SHA256"] }' "$scratch/packages") || unavailable "no package docker-compose in Debian unstable"
[[ $version == *"$WANTED".* ]] || unavailable "Debian unstable has docker-compose $version by now, not $WANTED"
fetch "$file" compose.deb
echo "$sum  $scratch/compose.deb" | sha256sum --check --quiet || unavailable "the package is not what the archive's list says"
dpkg -x "$scratch/compose.deb" "$scratch/tree"
install -m 755 "$scratch/tree/usr/libexec/docker/cli-plugins/docker-compose" "$program"
say "docker compose $(version_of "$program") in $dir"
echo "$program"
