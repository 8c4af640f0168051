#!/bin/bash
# The proof on real engines: tests/torture/ on engines of its own. About twenty minutes on two cores; root is needed.
#
#   torture.sh            all of it
#   torture.sh NAME...    only these: faults kills races restarts disk rollbacks swarm
#
#   TORTURE_MINUTES=25    when no further round begins; what was not played by then is a failure
#   TORTURE_SEED=N        what random moments come of (printed at the begin and at the end)
#   TORTURE_KILLS=50      how often the program is killed
#   TORTURE_FAULTS=3      one fault out of so many at each request: every request meets some, and every fault is met;
#                         1 plays the whole matrix, which takes half an hour more
#   TORTURE_ENGINES=3     how many engines there are at a time
#   TORTURE_PROGRAM=FILE  another build of the program, such as a released one, in place of that of this checkout
#   TORTURE_LOGS=DIR      where rounds and failures are told, default .lab/torture
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

is_root || die "namespaces for engines of one's own need root"
for tool in dockerd unshare nsenter setpriv ip; do have "$tool" || die "no $tool: run scripts/setup.sh"; done
"$ROOT/scripts/images.sh" test

# What a part needs and cannot be had here, that part says to be skipped.
export TORTURE_ENGINE_28 TORTURE_REGISTRY RECONCILE_TEST_COMPOSE
TORTURE_ENGINE_28=${TORTURE_ENGINE_28:-$("$ROOT/scripts/fetch-engine.sh" 28 || true)}
TORTURE_REGISTRY=${TORTURE_REGISTRY:-$("$ROOT/scripts/registry.sh" program || true)}
RECONCILE_TEST_COMPOSE=${RECONCILE_TEST_COMPOSE:-$("$ROOT/scripts/reference-compose.sh" "$LAB/compose" || true)}

export TORTURE_LOGS=${TORTURE_LOGS:-$LAB/torture} TORTURE_ONLY="$*"
rm -rf "$TORTURE_LOGS"
cd "$ROOT"
exec "${CARGO:-cargo}" test --locked --test torture
