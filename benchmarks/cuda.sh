#!/usr/bin/env bash
# Builds axia and compares it with transformers + PEFT on one NVIDIA card (see README.md): both shapes
# without arguments, else what the arguments say (--dry-run needs no card).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
compare() {
    "${PEER_PYTHON:-python3}" benchmarks/cuda.py --axia target/release/axia "$@"
}
if [ $# -gt 0 ]; then
    compare "$@"
else
    # One that fails keeps the other from nothing.
    failed=0
    compare --shape llama-3.1-8b || failed=1
    compare --shape smollm2-135m || failed=1
    exit "$failed"
fi
