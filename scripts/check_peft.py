"""Adapters and merged models between axia and the real PEFT and transformers, both ways.

    python scripts/check_peft.py path/to/axia [--gguf model.gguf] [--fixtures FOLDER]

Run by hand with a Python that has torch, transformers, peft and tokenizers. For every variant of
LoRA settings PEFT writes an adapter with random weights for a tiny model of the test fixtures;
axia must score token rows as PEFT does, and so must what `axia merge` makes of the two, here and
in transformers. Then PEFT loads adapters that axia trained. With --gguf a GGUF model is merged
with a random adapter: transformers must load the folder, cut text into the tokens that axia
sees, and score as axia does. --fixtures writes the variants as reference data for the tests.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "crates/axia-engine/tests/fixtures"
TINY = ["llama", "llama_tied", "sharded_bf16", "qwen2", "qwen3", "mistral", "smollm3", "gemma3"]

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
VARIANTS = {
    "plain": dict(r=4, lora_alpha=8, target_modules=ATTENTION),
    "rslora": dict(r=4, lora_alpha=8, target_modules=ATTENTION, use_rslora=True),
    "patterns": dict(
        r=4,
        lora_alpha=8,
        target_modules=["q_proj", "v_proj", "up_proj"],
        rank_pattern={"q_proj": 2, r"layers\.1\.mlp\.up_proj": 3, "^model.layers.0": 7},
        alpha_pattern={"v_proj": 16, r"^model\.layers\.0\.mlp\.up_proj": 1},
        use_rslora=True,
    ),
    "regex": dict(r=2, lora_alpha=8, target_modules=r".*layers\.[02]\.(mlp\.down_proj|.*\.k_proj)"),
    "all-linear": dict(r=2, lora_alpha=3, target_modules="all-linear"),
    "layers": dict(r=2, lora_alpha=4, target_modules=ATTENTION, layers_to_transform=[0, 2]),
    "one-layer": dict(
        r=2,
        lora_alpha=4,
        target_modules=["up_proj", "model.layers.2.mlp.down_proj"],
        layers_to_transform=1,
        layers_pattern="layers",
    ),
    "exclude": dict(r=2, lora_alpha=4, target_modules="all-linear", exclude_modules=["o_proj"]),
    "exclude-regex": dict(
        r=2, lora_alpha=4, target_modules=["q_proj", "up_proj"], exclude_modules=r".*\.1\..*"
    ),
    "extra-names": dict(r=2, lora_alpha=4, target_modules=["q_proj", "query_key_value"]),
}


def rows(vocabulary):
    """Prompts and candidates as token ids."""
    id_of = lambda i: 3 + (i * 37) % (vocabulary - 3)
    return [
        {
            "id": row,
            "prompt_ids": [id_of(row * 50 + i) for i in range(5 + row)],
            "candidates_ids": [[id_of(row + c * 11 + i) for i in range(1 + c)] for c in range(3)],
        }
        for row in range(6)
    ]


@torch.no_grad()
def peer_scores(model, data):
    """Log-likelihoods of the candidates after the prompts, in the model's own precision."""
    found = []
    for row in data:
        for candidate in row["candidates_ids"]:
            ids = row["prompt_ids"] + candidate
            logits = model(torch.tensor([ids])).logits[0].double()
            logs = logits.log_softmax(-1)
            start = len(row["prompt_ids"])
            found.append(sum(logs[start + i - 1, t].item() for i, t in enumerate(candidate)))
    return found


class Axia:
    def __init__(self, program, work):
        self.program, self.work = program, work

    def run(self, *words):
        words = [self.program, *map(str, words)]
        done = subprocess.run(words, capture_output=True, text=True, cwd=self.work)
        if done.returncode != 0:
            sys.exit(f"{' '.join(words)}\n{done.stderr}")
        return done

    def scores(self, data, model, *more):
        rows = self.work / "rows.jsonl"
        out = self.work / "scores.jsonl"
        rows.write_text("".join(json.dumps(row) + "\n" for row in data))
        self.run("score", "--model", model, "--rows", rows, "--out", out, *more)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        return [score for line in lines for score in line["scores"]]


failures = 0


def compare(what, found, expected, most):
    global failures
    gap = max(abs(a - b) for a, b in zip(found, expected, strict=True))
    good = gap <= most and not math.isnan(gap)
    failures += not good
    print(f"{'ok  ' if good else 'BAD '} {what:60} {gap:.2e}", flush=True)


def with_tokenizer(folder, target, vocabulary):
    """A copy of a fixture, which has no tokenizer, with one that has a token for every id."""
    shutil.copytree(folder, target)
    words = {f"t{i}": i for i in range(vocabulary)}
    Tokenizer(models.WordLevel(words, unk_token="t0")).save(str(target / "tokenizer.json"))
    (target / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "t2"})
    )
    return target


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def random_adapter(base, settings, folder, seed):
    """An adapter whose B is not zero, saved by PEFT; gives the model that it makes."""
    torch.manual_seed(seed)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return model


def check_variants(axia, name):
    config = json.loads((FIXTURES / "tiny" / name / "model/config.json").read_text())
    vocabulary = config["vocab_size"]
    base = with_tokenizer(FIXTURES / "tiny" / name / "model", axia.work / name, vocabulary)
    data = rows(vocabulary)
    compare(f"{name}: base", axia.scores(data, base), peer_scores(load(base), data), 2e-4)
    for variant, settings in VARIANTS.items():
        folder = axia.work / f"{name}-{variant}"
        model = random_adapter(load(base), dict(settings), folder, seed=1)
        expected = peer_scores(model, data)
        compare(f"{name}: {variant}", axia.scores(data, base, "--adapter", folder), expected, 2e-4)
        merged = axia.work / f"{name}-{variant}-merged"
        axia.run("merge", folder, base, "--out", merged, "--dtype", "float32")
        compare(f"{name}: {variant}, merged", axia.scores(data, merged), expected, 2e-4)
        there = peer_scores(load(merged), data)
        compare(f"{name}: {variant}, merged, in transformers", there, expected, 2e-4)
    own = axia.work / f"{name}-own"
    axia.run("merge", axia.work / f"{name}-plain", base, "--out", own, "--max-shard-size", "60kB")
    loaded = AutoModelForCausalLM.from_pretrained(own, dtype="auto").eval()
    here = axia.scores(data, own)
    compare(f"{name}: in its own type, in shards", here, peer_scores(loaded.float(), data), 2e-4)


def check_trained(axia, name):
    """PEFT loads what axia trained."""
    base = axia.work / name
    lines = [
        {"prompt_ids": row["prompt_ids"], "completion_ids": row["candidates_ids"][2]}
        for row in rows(320)
    ]
    (axia.work / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    adapter = axia.work / f"{name}-trained"
    words = "--batch 3 --steps 4 --rank 4 --alpha 8 --lr 0.01".split()
    axia.run("train", "--model", base, "--rows", axia.work / "train.jsonl", *words, "--save", adapter)
    data = rows(320)
    model = PeftModel.from_pretrained(load(base), adapter).eval()
    found = peer_scores(model, data)
    compare(f"{name}: trained by axia", axia.scores(data, base, "--adapter", adapter), found, 2e-4)


TEXTS = [
    "Hello, world!",
    "  two spaces, 12345 digits and a tab\t.",
    "Ünïcödé — 日本語, emoji 🦀 and\n\nnew lines",
    "<|im_start|>user\nHi there<|im_end|>\n",
    "It's what they'd've said, isn't it?",
]


def check_gguf(axia, gguf):
    """A folder made of a GGUF file, with an adapter merged in, in transformers."""
    bare = axia.work / "from-gguf"
    nothing = axia.work / "nothing"
    settings = dict(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"])
    # The folder is made first with an adapter that changes nothing, to have a base to adapt.
    from safetensors.torch import save_file

    def zero(folder, shapes):
        folder.mkdir()
        config = LoraConfig(task_type="CAUSAL_LM", **settings)
        config.save_pretrained(folder)
        save_file(shapes, str(folder / "adapter_model.safetensors"), metadata={"format": "pt"})

    import gguf as gguf_package

    reader = gguf_package.GGUFReader(str(gguf))
    shapes = {t.name: [int(n) for n in t.shape] for t in reader.tensors}
    blocks = 1 + max(int(n.split(".")[1]) for n in shapes if n.startswith("blk."))
    tensors = {}
    for block in range(blocks):
        for hf, ours in [("self_attn.q_proj", "attn_q"), ("mlp.down_proj", "ffn_down")]:
            inputs, outputs = shapes[f"blk.{block}.{ours}.weight"]
            key = f"base_model.model.model.layers.{block}.{hf}"
            tensors[f"{key}.lora_A.weight"] = torch.zeros(2, inputs)
            tensors[f"{key}.lora_B.weight"] = torch.zeros(outputs, 2)
    zero(nothing, tensors)
    print(axia.run("merge", nothing, gguf, "--out", bare, "--dtype", "float32").stderr, end="")
    tokenizer = AutoTokenizer.from_pretrained(bare)
    data = []
    for row, text in enumerate(TEXTS):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        data.append({"id": row, "prompt_ids": ids, "candidates_ids": [[ids[0]], [ids[-1], 5]]})
    base = load(bare)
    expected = peer_scores(base, data)
    compare("gguf: base in transformers", axia.scores(data, gguf), expected, 2e-3)
    as_text = [
        {"id": i, "prompt": text, "candidates_ids": data[i]["candidates_ids"]}
        for i, text in enumerate(TEXTS)
    ]
    compare("gguf: texts give the same tokens", axia.scores(as_text, gguf), expected, 2e-3)
    if tokenizer.chat_template:
        turn = [{"role": "user", "content": "Hi"}]
        print("chat:", repr(tokenizer.apply_chat_template(turn, tokenize=False)))
    adapter = axia.work / "gguf-adapter"
    model = random_adapter(base, settings, adapter, seed=2)
    expected = peer_scores(model, data)
    compare("gguf: adapter", axia.scores(data, gguf, "--adapter", adapter), expected, 5e-3)
    for dtype, most in [("float32", 5e-3), ("float16", 5e-2), ("bfloat16", 5e-1)]:
        merged = axia.work / f"gguf-{dtype}"
        axia.run("merge", adapter, gguf, "--out", merged, "--dtype", dtype)
        compare(f"gguf: merged as {dtype}", peer_scores(load(merged), data), expected, most)
        shutil.rmtree(merged)


def write_fixtures(folder):
    """Small adapters by PEFT for the tests, each with logits at the last position in float64."""
    base = FIXTURES / "tiny/llama/model"
    ids = [3 + (i * 37) % 300 for i in range(9)]
    reference = {"ids": ids, "logits": {}}
    small = {k: v for k, v in VARIANTS.items() if k not in ("plain", "rslora")}
    for variant, settings in small.items():
        target = folder / variant
        settings = dict(settings, r=min(settings["r"], 2))
        model = random_adapter(load(base), settings, target, seed=3).double()
        (target / "README.md").unlink(missing_ok=True)
        config = json.loads((target / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "../../tiny/llama/model"
        (target / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        reference["logits"][variant] = [float(f"{x:.9g}") for x in logits.tolist()]
    (folder / "reference.json").write_text(json.dumps(reference) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("axia", type=Path)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--fixtures", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.fixtures:
        return write_fixtures(args.fixtures)
    with tempfile.TemporaryDirectory() as work:
        axia = Axia(args.axia.resolve(), Path(work))
        for name in TINY:
            check_variants(axia, name)
        for name in ["llama", "qwen2"]:
            check_trained(axia, name)
        if args.gguf:
            check_gguf(axia, args.gguf.resolve())
    sys.exit(f"{failures} differences" if failures else 0)


if __name__ == "__main__":
    main()
