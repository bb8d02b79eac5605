#!/usr/bin/env bash
# Fetches NVIDIA's run-time compiler from PyPI into target/nvrtc/lib, for the test that compiles the
# card's kernels. It needs no card and no driver. Does nothing where it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-target}/nvrtc"
if compgen -G "$target/lib/libnvrtc.so.*" >/dev/null; then
    exit 0
fi
python="$(command -v python3 || command -v python)"
mkdir -p "$target"
draft="$(mktemp -d "$target/draft.XXXXXX")"
trap 'rm -rf "$draft"' EXIT
"$python" -m pip download --quiet --no-deps --disable-pip-version-check --dest "$draft" \
    nvidia-cuda-nvrtc-cu12
"$python" -m zipfile -e "$draft"/*.whl "$draft/wheel"
mv "$draft"/wheel/nvidia/*/lib "$target/lib"
