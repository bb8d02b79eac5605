#!/usr/bin/env bash
# Has lm-evaluation-harness (from PyPI) ask a few small tasks of `axia serve`, and of the same
# weights through transformers, and compares every log-likelihood, greedy flag, reply and accuracy.
# Run by hand; needs a Python with torch, transformers and gguf, and pip's package index.
#
#   scripts/check_serve_lm_eval.sh path/to/model.gguf path/to/hf-folder [RUN RESPONDENT]
#
# With a finished run of that model and the name of one of its respondents, that adapter is compared
# as well: transformers reads it through PEFT (which the Python must have). The folder holds the
# model of the GGUF file for transformers, as plain f32 (say, written by transformers from that same
# file). PYTHON names the Python; LM_EVAL_PYTHON one that has
# lm-eval[api] as well, then nothing is installed. AXIA names the binary, by default the one that
# cargo built last. Nothing is fetched from the hub.
set -euo pipefail

if { [ $# -ne 2 ] && [ $# -ne 4 ]; } || [ ! -f "$1" ] || [ ! -f "$2/config.json" ]; then
    echo "usage: $0 path/to/model.gguf path/to/hf-folder [RUN RESPONDENT]" >&2
    exit 2
fi
model=$(realpath "$1")
folder=$(realpath "$2")
run=${3:+$(realpath "$3")}
respondent=${4:-}
cd "$(dirname "$0")/.."
axia=${AXIA:-target/debug/axia}

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

python=${LM_EVAL_PYTHON:-}
if [ -z "$python" ]; then
    base=${PYTHON:-python3}
    "$base" -m venv "$work/venv"
    python=$work/venv/bin/python
    # What the other Python has need not be installed again.
    "$base" -c 'import site; print("\n".join(site.getsitepackages()))' \
        >"$("$python" -c 'import site; print(site.getsitepackages()[0])')/base.pth"
    "$python" -m pip install --quiet 'lm-eval[api]'
fi

"$python" scripts/lm_eval_tasks.py write "$work/tasks"
export HF_HUB_OFFLINE=1 HF_DATASETS_CACHE="$work/datasets" TOKENIZERS_PARALLELISM=false
tasks=axia_choices,axia_rolling,axia_replies

"$axia" serve "$model" ${run:+--run "$run"} --port 0 >"$work/address" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    [ -s "$work/address" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
address=$(cat "$work/address")
name=$(basename "$model" .gguf)

evaluate() {
    "$python" -m lm_eval run --include_path "$work/tasks" --tasks "$tasks" --log_samples \
        --output_path "$work/$1" "${@:2}"
}
check() { # folder for the results, name at the server, adapter for transformers
    echo "== $2"
    evaluate "$1-served" --model local-completions --batch_size 8 --model_args \
        "model=$2,base_url=$address/completions,tokenizer_backend=remote,num_concurrent=4,max_length=2048"
    evaluate "$1-direct" --model hf --batch_size 1 --device cpu --model_args \
        "pretrained=$folder,dtype=float32,max_length=2048${3:+,peft=$3}"
    "$python" scripts/lm_eval_tasks.py compare "$work/$1-served" "$work/$1-direct"
}
check base "$name"
if [ -n "$run" ]; then
    check adapter "$name:$respondent" "$run/adapters/$respondent"
fi
