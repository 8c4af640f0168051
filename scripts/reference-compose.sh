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
version_of() { "$1" version --short 2>/dev/null || true; }

if [[ $(version_of "$program") == "$WANTED".* ]]; then echo "$program"; exit; fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
program=$dir/docker-compose
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
debian_package sid docker-compose "*$WANTED.*" "$scratch" ||
  { say "reference-compose.sh: no reference implementation here, what needs it is to be skipped"; exit 3; }
install -m 755 "$scratch/usr/libexec/docker/cli-plugins/docker-compose" "$program"
say "docker compose $(version_of "$program") in $dir"
echo "$program"
