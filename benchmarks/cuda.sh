#!/usr/bin/env bash
# Builds axia and compares it with transformers + PEFT on one NVIDIA card (see README.md).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
exec "${PEER_PYTHON:-python3}" benchmarks/cuda.py --axia target/release/axia "$@"
