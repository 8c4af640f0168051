#!/bin/bash
# Remove what the scripts made: .lab/, the registries in it and the images of this project's own names. With `all`, the images under the
# names that the examples use go too. An engine that setup.sh started goes on running: containers of yours may be in it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
"$ROOT/scripts/registry.sh" down
if engine_up; then
  names=$(docker image ls --format '{{.Repository}}:{{.Tag}}' 'reconcile-*/*')
  [ "${1:-}" != all ] || names+=" $("$ROOT/scripts/images.sh" list | awk '{ print $2 }')"
  for name in $names; do docker image rm "$name" >/dev/null 2>&1 || say "kept (in use or not there): $name"; done
fi
find "$LAB" -mindepth 1 -maxdepth 1 ! -name 'dockerd.*' -exec rm -rf {} + 2>/dev/null || true
say "cleaned"
