#!/bin/sh
# fuzz.sh [TARGET...]: runs the fuzz targets side by side, each for SECONDS_EACH seconds. A finding ends with its input in
# target/fuzz/findings; put a mended one into tests/cases/fuzz/TARGET.
set -eu
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-60}
[ $# -gt 0 ] || set -- loader dotenv interpolation
out=$PWD/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# What `cargo fuzz` would set; all of it is stable. With --target, build scripts are left alone.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-stack-depth" \
  cargo build --release --locked --manifest-path tests/fuzz/Cargo.toml --target-dir "$out" --target "$host"

# The seeds: cases of errors, examples and earlier findings, several files packed into one as tests/it/in_memory.rs reads.
pack() {
  main=
  for name in compose.yaml compose.yml docker-compose.yml docker-compose.yaml; do
    [ -n "$main" ] || { [ -f "$1/$name" ] && main=$1/$name; } || true
  done
  [ -n "$main" ] || return 0
  cat "$main"
  find "$1" -type f ! -path "$main" ! -name errors.txt ! -name '*.md' -size -16k | sort | while read -r file; do
    printf '\n#@ %s\n' "${file#"$1"/}"
    cat "$file"
  done
}
mkdir -p "$out/corpus" "$out/findings" "$out/logs"
for target in "$@"; do
  mkdir -p "$out/corpus/$target" "$out/seeds/$target"
  if [ -d "tests/cases/fuzz/$target" ]; then cp tests/cases/fuzz/"$target"/* "$out/seeds/$target/"; fi
done
for stack in tests/cases/errors/* examples/stacks/* tests/cases/attributes/*; do
  [ -d "$stack" ] || continue
  packed=$out/seeds/packed
  pack "$stack" >"$packed"
  if [ -s "$packed" ]; then
    for target in loader interpolation; do
      if [ -d "$out/seeds/$target" ]; then cp "$packed" "$out/seeds/$target/$(basename "$stack")"; fi
    done
  fi
  rm -f "$packed"
  if [ -d "$out/seeds/dotenv" ]; then
    find "$stack" -type f \( -name '*.env' -o -name env \) | while read -r file; do
      cp "$file" "$out/seeds/dotenv/$(basename "$stack")-$(basename "$file")"
    done
  fi
done

failed=0
pids=
for target in "$@"; do
  # 2 GiB and 20 seconds for one input are far beyond what a text of 64 KiB may take.
  nice -n 15 "$out/$host/release/$target" "$out/corpus/$target" "$out/seeds/$target" \
    -dict=tests/fuzz/compose.dict -max_len=65536 -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=20 \
    -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$out/findings/$target-" \
    >"$out/logs/$target.log" 2>&1 &
  pids="$pids $target:$!"
done
for pair in $pids; do
  target=${pair%%:*}
  if wait "${pair##*:}"; then verdict="no finding"; else verdict="FINDING, see target/fuzz/logs/$target.log"; failed=1; fi
  printf '%s: %s; %s\n' "$target" "$verdict" \
    "$(grep -E 'number_of_executed_units|average_exec_per_sec|peak_rss_mb' "$out/logs/$target.log" | sed 's/^stat:://' | tr -s ' ' | tr '\n' ',')"
done
exit $failed
