"""LoRA files of `axia export --gguf` in llama.cpp itself.

    python scripts/check_lora_gguf.py path/to/axia path/to/model.gguf

Run by hand with a Python that has the PyPI packages xllamacpp (llama.cpp, prebuilt), safetensors
and numpy. Random adapters (plain LoRA; one with rank-stabilised factors and ranks by pattern; one
on queries and keys alone, whose rows GGUF files hold in another order) are given to axia as PEFT
folders and to llama.cpp as the files that axia makes of them. llama.cpp rounds activations to
8 bits where weights are quantised, so that the two differ without an adapter too; what the adapter
changes must be the same for both: the changes of log-probabilities must correlate, and what
differs must be about what differs without it.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
import xllamacpp
from safetensors.numpy import save_file

PROMPTS = ["The capital of France is", "To be honest, I think that", "def add(a, b):\n    return"]
MODULES = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"]
MODULES += ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
KINDS = {
    "plain": dict(r=4, lora_alpha=8),
    "rslora": dict(r=4, lora_alpha=8, use_rslora=True, rank_pattern={"up_proj": 2, "k_proj": 3}),
    "queries and keys": dict(r=4, lora_alpha=8, target_modules=["q_proj", "k_proj"]),
}
STRENGTH = {"plain": 0.08, "rslora": 0.05, "queries and keys": 0.5}
# So many tokens are compared, the likeliest without an adapter.
CANDIDATES = 40


def sizes(path):
    """Blocks, and width of every layer's input and output, by axia's own names."""
    import gguf

    shapes = {t.name: [int(n) for n in t.shape] for t in gguf.GGUFReader(path).tensors}
    names = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
    blocks = 1 + max(int(name.split(".")[1]) for name in shapes if name.startswith("blk."))
    return blocks, {hf: shapes[f"blk.0.{ours}.weight"] for hf, ours in zip(MODULES, names)}


def write_adapter(folder, settings, model, strength):
    folder.mkdir()
    blocks, widths = sizes(model)
    random = np.random.default_rng(5)
    tensors = {}
    names = [module.split(".")[1] for module in MODULES]
    config = {"peft_type": "LORA", "target_modules": names, **settings}
    for block in range(blocks):
        for module, (inputs, outputs) in widths.items():
            if module.split(".")[1] not in config["target_modules"]:
                continue
            rank = settings.get("rank_pattern", {}).get(module.split(".")[1], settings["r"])
            key = f"base_model.model.model.layers.{block}.{module}"
            a = random.normal(size=(rank, inputs)) / np.sqrt(inputs)
            b = random.normal(size=(outputs, rank)) * strength
            tensors[f"{key}.lora_A.weight"] = a.astype(np.float32)
            tensors[f"{key}.lora_B.weight"] = b.astype(np.float32)
    save_file(tensors, str(folder / "adapter_model.safetensors"))
    (folder / "adapter_config.json").write_text(json.dumps(config))


def server(model, lora=None):
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 512
    params.n_parallel = 1
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    if lora:
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path = str(lora)
        adapter.scale = 1.0
        params.lora_adapters = [adapter]
    return xllamacpp.Server(params)


def post(served, path, body):
    address = served.listening_address
    request = urllib.request.Request(
        f"{address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as reply:
        return json.load(reply)


def next_tokens(served, ids):
    """Log-probabilities of the next token by id, of the likeliest ones."""
    body = {"prompt": ids, "n_predict": 1, "n_probs": 2000, "temperature": -1.0, "cache_prompt": False}
    reply = post(served, "/completion", body)
    top = reply["completion_probabilities"][0]["top_logprobs"]
    return {entry["id"]: entry["logprob"] for entry in top}


def axia_scores(axia, model, rows, work, adapter=None):
    (work / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [axia, "score", "--model", model, "--rows", work / "rows.jsonl", "--out", work / "out"]
    words += ["--adapter", adapter] if adapter else []
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
    return [json.loads(line)["scores"] for line in (work / "out").read_text().splitlines()]


def looked_up(found, rows):
    """Log-probabilities of the rows' candidates; NaN for those that are too unlikely to be told."""
    pairs = zip(found, rows)
    return np.array([[here.get(t, np.nan) for (t,) in row["candidates_ids"]] for here, row in pairs])


def main():
    axia, model = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        base = server(model)
        ids = [post(base, "/tokenize", {"content": text})["tokens"] for text in PROMPTS]
        plain = [next_tokens(base, prompt) for prompt in ids]
        rows = [
            {
                "id": i,
                "prompt_ids": prompt,
                "candidates_ids": [[t] for t in sorted(top, key=top.get, reverse=True)[:CANDIDATES]],
            }
            for i, (prompt, top) in enumerate(zip(ids, plain))
        ]
        before = looked_up(plain, rows), np.array(axia_scores(axia, model, rows, work))
        noise = np.nanmean(np.abs(before[0] - before[1]))
        print(f"without an adapter: mean difference {noise:.3f}", flush=True)
        del base
        for kind, settings in KINDS.items():
            adapter = work / kind
            write_adapter(adapter, settings, model, STRENGTH[kind])
            lora = work / f"{kind}.gguf"
            words = [axia, "export", adapter, "--gguf", lora, "--base", model]
            subprocess.run(list(map(str, words)), check=True, stdout=subprocess.DEVNULL)
            adapted = server(model, lora)
            found = looked_up([next_tokens(adapted, prompt) for prompt in ids], rows)
            del adapted
            scores = np.array(axia_scores(axia, model, rows, work, adapter))
            gap = np.nanmean(np.abs(found - scores))
            there, here = found - before[0], scores - before[1]
            told = ~np.isnan(there)
            same = np.corrcoef(there[told], here[told])[0, 1]
            print(
                f"{kind}: {told.sum()} tokens, changes of {np.abs(here[told]).mean():.3f} correlate by "
                f"{same:.4f}, mean difference {gap:.3f}",
                flush=True,
            )
            bad |= same < 0.95 or gap > 3 * noise
    sys.exit("they differ" if bad else 0)


if __name__ == "__main__":
    main()
