#!/bin/bash
# Put schemathesis, a client that is driven by an OpenAPI document, into a folder of its own: nothing is installed beside it.
#
#   schemathesis.sh [DIR]     default .lab/schemathesis; prints the path of the program
#
# Exit 3: it cannot be had here. Where pip looks for it is this machine's own configuration.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

WANTED=4.32.5
dir=${1:-$LAB/schemathesis}
program=$dir/bin/schemathesis
version_of() { "$1" --version 2>/dev/null | grep -o '[0-9][0-9.]*' | head -1 || true; }

if [ "$(version_of "$program")" = "$WANTED" ]; then echo "$program"; exit; fi
mkdir -p "$LAB"
log=$LAB/schemathesis.log
t0=$EPOCHREALTIME
refused() { tail -5 "$log" >&2; say "schemathesis.sh: no schemathesis $WANTED here (whole log: $log)"; exit 3; }
rm -rf "$dir"
python3 -m venv "$dir" >"$log" 2>&1 || refused
"$dir/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$WANTED" >>"$log" 2>&1 || refused
[ "$(version_of "$program")" = "$WANTED" ] || refused
say "schemathesis $WANTED in $dir, in $(since "$t0") s"
echo "$program"
