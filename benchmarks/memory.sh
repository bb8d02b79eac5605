#!/usr/bin/env bash
# Peak memory of scoring, training and drawing tokens; see README.md.
#   ./memory.sh [MODEL ...]     TOKENS=64
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet -p axia-engine --example memory
if [ $# = 0 ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    "${PYTHON:-python3}" benchmarks/blank_model.py "$scratch/blank-8b"
    set -- "$scratch/blank-8b"
fi
for model in "$@"; do
    echo "$model"
    for job in score train generate; do
        target/release/examples/memory "$model" "$job" "${TOKENS:-64}"
    done
done
