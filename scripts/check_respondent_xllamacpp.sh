#!/usr/bin/env bash
# Compares the profile of a model behind a real OpenAI-compatible server (llama.cpp's, from the PyPI
# package xllamacpp) with that of the same file on the embedded engine. Run by hand; needs Python
# with venv, pip's package index, and a GGUF file with a chat template.
#
#   scripts/check_respondent_xllamacpp.sh path/to/model.gguf
#
# The server has no log-probabilities of prompts and ignores `echo`, which the probes have to find
# out; its likeliest first tokens then have to give the ratings that the embedded engine computes,
# in plain text and in chats. The server gets the model as 32-bit floats, since llama.cpp rounds
# activations to 8 bits beside quantised weights, which moves ratings by 0.06 on average. With
# counted answers only what was captured is shown. See with_xllamacpp.sh for what can be set; a
# Python named there needs the package gguf too. AXIA may name a binary; else one is built.
set -euo pipefail

if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    echo "usage: $0 path/to/model.gguf" >&2
    exit 2
fi
model=$(realpath "$1")
cd "$(dirname "$0")/.."
axia=${AXIA:-}
if [ -z "$axia" ]; then
    cargo build --quiet -p axia
    axia=$(cargo metadata --format-version 1 --no-deps |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/axia
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${XLLAMACPP_PYTHON:-}" ]; then
    python3 -m venv "$work/venv"
    export XLLAMACPP_PYTHON=$work/venv/bin/python
    "$XLLAMACPP_PYTHON" -m pip install --quiet --only-binary=:all: xllamacpp gguf
fi
"$XLLAMACPP_PYTHON" scripts/gguf_as_f32.py "$model" "$work/$(basename "$model")"
cat >"$work/compare.sh" <<'BASH'
set -euo pipefail
axia=$1 model=$2 work=$3
export AXIA_RESPONDENT_KEY=$AXIA_TEST_SERVER_KEY
served=(--respondent "$AXIA_TEST_SERVER" --served-model "$AXIA_TEST_SERVER_MODEL" --concurrency 2)
for shape in "" --chat; do
    asked=(profile --limit 8 --variants few --json $shape)
    "$axia" "${asked[@]}" "$model" --out "$work/here$shape" >/dev/null
    "$axia" "${asked[@]}" "${served[@]}" --out "$work/there$shape" >/dev/null
done
"$axia" profile --limit 1 --variants few "${served[@]}" --scoring samples --samples 10 --chat |
    tail -n 3
BASH
scripts/with_xllamacpp.sh "$work/$(basename "$model")" bash "$work/compare.sh" "$axia" "$model" "$work"
python3 - "$work" <<'PYTHON'
import json, sys

work, failed = sys.argv[1], False
for shape in ["", "--chat"]:
    def expected(name):
        lines = open(f"{work}/{name}{shape}/responses.jsonl")
        return [sum(r * p for r, p in enumerate(json.loads(line)["answer"]["scored"], 1)) for line in lines]

    here, there = expected("here"), expected("there")
    account = json.load(open(f"{work}/there{shape}/profile.json"))["respondent"]
    apart = [abs(a - b) for a, b in zip(here, there, strict=True)]
    mean, most = sum(apart) / len(apart), max(apart)
    spread = max(here) - min(here)
    probes = {probe["about"]: probe["state"] for probe in account["probes"]}
    print(f"{shape or 'plain text'}: {len(apart)} answers scored by {account['scoring']}, captured "
          f"{account['captured']['mean']:.3f}; expected ratings from {min(here):.2f} to {max(here):.2f} "
          f"are {mean:.4f} apart on average, {most:.4f} at most")
    failed |= account["scoring"] != "first-token" or mean > 0.005 or most > 0.05
    if not shape:
        failed |= probes["prompt, echo"] == "works"
sys.exit("the two differ" if failed else 0)
PYTHON
