#!/usr/bin/env bash
# Times the filter stage of `axia data build-dilemmas` on a synthetic dump of 2 GB (or $1 bytes)
# beside `zstdcat FILE | wc -l`. DUMP=FILE uses and keeps a dump of one's own.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -z ${AXIA:-} ]]; then
    cargo build --release --quiet
    AXIA=target/release/axia
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
dump=${DUMP:-$folder/dump.zst}
if [[ ! -e $dump ]]; then
    python3 benchmarks/dump_synthetic.py "${1:-2e9}" | zstd --quiet --long=27 -o "$dump"
fi
python3 benchmarks/filter.py "$AXIA" "$dump" "$folder/build"
