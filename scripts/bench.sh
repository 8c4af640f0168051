#!/bin/bash
# What a run costs, beside `docker compose` in the same run where it can be had. See benches/ for settings.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

compose=$LAB/compose/docker-compose
[ -x "$compose" ] || "$ROOT/scripts/reference-compose.sh" "$LAB/compose" || true
[ -x "$compose" ] && export RECONCILE_BENCH_COMPOSE=$compose
cd "$ROOT"
cargo bench --locked --bench against_compose --bench scale --bench footprint
