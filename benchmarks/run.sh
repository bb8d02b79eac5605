#!/usr/bin/env bash
# Builds axia, gets the default model, and compares with transformers + PEFT (see README.md).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
model=$(target/release/axia pull smollm2-135m-instruct)
exec "${PEER_PYTHON:-python3}" benchmarks/compare.py --model "$model" "$@"
