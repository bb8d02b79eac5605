#!/usr/bin/env bash
# Runs a command beside a real OpenAI-compatible server: llama.cpp's, from the PyPI package xllamacpp.
#
#   scripts/with_xllamacpp.sh path/to/model.gguf COMMAND [ARGUMENT…]
#
# Installs the package into a temporary environment, starts the server on the loopback interface
# with a key of its own, tells the command its address (AXIA_TEST_SERVER), key
# (AXIA_TEST_SERVER_KEY) and model (AXIA_TEST_SERVER_MODEL), and stops the server afterwards. Needs
# Python with venv and pip's package index.
#
# XLLAMACPP_PYTHON names a Python that has the package already; then nothing is installed.
set -euo pipefail

if [ $# -lt 2 ] || [ ! -f "$1" ]; then
    echo "usage: $0 path/to/model.gguf COMMAND [ARGUMENT…]" >&2
    exit 2
fi
model=$(realpath "$1")
shift

work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

python=${XLLAMACPP_PYTHON:-}
if [ -z "$python" ]; then
    python3 -m venv "$work/venv"
    python=$work/venv/bin/python
    "$python" -m pip install --quiet --only-binary=:all: xllamacpp
fi

AXIA_TEST_SERVER_KEY=$("$python" -c 'import secrets; print(secrets.token_hex(16))')
export AXIA_TEST_SERVER_KEY
cat >"$work/serve.py" <<'PYTHON'
import os, sys, threading
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 8192
params.n_parallel = 2
# llama.cpp's threads wait for each other in a loop: on a busy machine fewer are much faster.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, os.cpu_count() // 2)
params.cache_type_k = params.cache_type_v = 0  # 32-bit floats
params.api_keys = [os.environ["AXIA_TEST_SERVER_KEY"]]
server = xllamacpp.Server(params)
with open(sys.argv[2] + ".part", "w") as file:
    file.write(server.listening_address)
os.replace(sys.argv[2] + ".part", sys.argv[2])
threading.Event().wait()
PYTHON
"$python" "$work/serve.py" "$model" "$work/address" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 300); do
    [ -f "$work/address" ] && break
    if ! kill -0 "$server" 2>/dev/null; then
        echo "the server ended before it listened:" >&2
        tail -n 20 "$work/server.log" >&2
        exit 1
    fi
    sleep 0.2
done
if [ ! -f "$work/address" ]; then
    echo "the server did not listen within a minute:" >&2
    tail -n 20 "$work/server.log" >&2
    exit 1
fi

AXIA_TEST_SERVER=$(cat "$work/address")
AXIA_TEST_SERVER_MODEL=$(basename "$model" .gguf)
export AXIA_TEST_SERVER AXIA_TEST_SERVER_MODEL
echo "server: $AXIA_TEST_SERVER, model: $AXIA_TEST_SERVER_MODEL"
"$@"
