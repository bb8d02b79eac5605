#!/usr/bin/env bash
# Annotates a few posts through a real OpenAI-compatible server: llama.cpp's, from the PyPI package
# xllamacpp. Run by hand; needs Python with venv, pip's package index, and a GGUF file.
#
#   scripts/check_annotator_xllamacpp.sh path/to/model.gguf
#
# It starts the server (with_xllamacpp.sh, which says what can be set), runs the tests called `live`
# against it (every post must end up in one of the two files, and nothing may be asked twice), and
# shows the records. A small model may well give no usable answer: what counts is that this is
# recorded.
set -euo pipefail

if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    echo "usage: $0 path/to/model.gguf" >&2
    exit 2
fi
model=$(realpath "$1")
cd "$(dirname "$0")/.."

# The test is built first, so that the server waits for nothing.
cargo test --quiet -p axia --test annotate_posts --no-run
scripts/with_xllamacpp.sh "$model" \
    cargo test --quiet -p axia --test annotate_posts live -- --nocapture
