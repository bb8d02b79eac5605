#!/usr/bin/env python3
"""axia beside transformers + PEFT on one NVIDIA card: a model with random weights, the same rows, in
one run. Prints one JSON object per measurement and keeps them all in results/.

    cuda.py --axia target/release/axia [--shape llama-3.1-8b] [--rank 256]

Needs torch, transformers, peft and tokenizers. Rows are the bundled survey's; as the weights are
random, words become token ids by a hash, which keeps lengths and shared beginnings.
"""
import argparse
import datetime
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHAPES = {
    "llama-3.1-8b": dict(
        vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32,
        num_attention_heads=32, num_key_value_heads=8, head_dim=128, rope_theta=500000.0),
    "smollm2-135m": dict(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, head_dim=64, rope_theta=100000.0),
}
# Steps in bf16 on both sides, whose sums go different ways.
AGREE = 2e-2
BATCHES = [27, 54, 108, 216]


def ids(text, vocab):
    pieces = re.findall(r"\w+|[^\w]", text)
    return [1000 + zlib.crc32(piece.encode()) % (vocab - 1000) for piece in pieces]


def write_rows(folder, vocab, items):
    subprocess.run([sys.executable, HERE / "rows.py", str(items), folder], check=True)
    for name in ["train", "score", "verdicts"]:
        rows = []
        for line in (folder / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            made = {"prompt_ids": ids(row["prompt"], vocab)}
            if "completion" in row:
                made["completion_ids"] = ids(row["completion"], vocab)
            else:
                made["candidates_ids"] = [ids(c, vocab) for c in row["candidates"]]
            rows.append(made)
        (folder / f"{name}.ids.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def write_model(folder, shape):
    """A model with random weights, and a tokenizer that nobody uses."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        **shape, max_position_embeddings=8192, rms_norm_eps=1e-5, tie_word_embeddings=False,
        bos_token_id=0, eos_token_id=1, torch_dtype="bfloat16")
    with torch.device("cuda"):
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    del model
    torch.cuda.empty_cache()


def ceilings():
    """The card's measured matmul rate (bf16, 8192³) and copy bandwidth."""
    import torch

    def timed(work, times):
        work()
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(times):
            work()
        torch.cuda.synchronize()
        return (time.perf_counter() - started) / times

    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    flops = 2 * 8192**3 / timed(lambda: a @ b, 20)
    x = torch.empty(1 << 30, device="cuda", dtype=torch.uint8)
    y = torch.empty_like(x)
    copied = 2 * x.numel() / timed(lambda: y.copy_(x), 20)
    return {"matmul_tflops": flops / 1e12, "copy_gb_per_s": copied / 1e9,
            "device": torch.cuda.get_device_name()}


class Watch(threading.Thread):
    """Follows the card's memory in use, in MiB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before, self.peak, self.ends = self.used(), 0, threading.Event()

    def used(self):
        query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0"]
        return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])

    def run(self):
        while not self.ends.wait(0.2):
            self.peak = max(self.peak, self.used() - self.before)


def ours(axia, job, model, rows, *args):
    watch = Watch()
    watch.start()
    command = [axia, job, "--device", "cuda:0", "--model", model, "--rows", rows, *args]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    watch.ends.set()
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return {**json.loads(done.stdout), "peak_mib": watch.peak}


class Peer:
    def __init__(self, folder):
        import torch
        from transformers import AutoModelForCausalLM
        self.torch = torch
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, attn_implementation="sdpa").cuda()

    def padded(self, sequences, fill):
        longest = max(map(len, sequences))
        rows = [s + [fill] * (longest - len(s)) for s in sequences]
        return self.torch.tensor(rows, device="cuda")

    def score(self, rows, batch):
        torch = self.torch
        jobs = [(r["prompt_ids"], c) for r in rows for c in r["candidates_ids"]]
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
        started = time.perf_counter()
        with torch.no_grad():
            for at in range(0, len(jobs), batch):
                part = jobs[at:at + batch]
                tokens = self.padded([p + c for p, c in part], 0)
                mask = self.padded([[1] * len(p + c) for p, c in part], 0)
                log_p = self.model(input_ids=tokens, attention_mask=mask).logits.log_softmax(-1)
                log_p.gather(2, tokens.unsqueeze(2)).sum().item()
        return len(rows) / (time.perf_counter() - started), self.peak()

    def adapt(self, adapter):
        from peft import PeftModel
        self.model = PeftModel.from_pretrained(self.model, adapter, is_trainable=True).train()
        weights = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = self.torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.0, fused=True)

    def train(self, rows, batch, steps):
        torch, losses = self.torch, []
        torch.cuda.reset_peak_memory_stats()
        spent = 0.0
        for step in range(steps + 1):  # the first step warms up and is not timed
            part = [rows[(step * batch + k) % len(rows)] for k in range(batch)]
            pairs = [(r["prompt_ids"], r["completion_ids"]) for r in part]
            tokens = self.padded([p + c for p, c in pairs], 0)
            mask = self.padded([[1] * len(p + c) for p, c in pairs], 0)
            labels = self.padded([[-100] * len(p) + c for p, c in pairs], -100)
            torch.cuda.synchronize()
            started = time.perf_counter()
            loss = self.model(input_ids=tokens, attention_mask=mask, labels=labels).loss
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
            spent += time.perf_counter() - started if step else 0.0
        return batch * steps / spent, self.peak(), losses

    def peak(self):
        return self.torch.cuda.max_memory_reserved() / 2**20

    def best(self, work):
        """The best of several batch sizes, those that do not fit left out."""
        found = []
        for batch in BATCHES:
            try:
                found.append((*work(batch), batch))
            except self.torch.cuda.OutOfMemoryError:
                self.torch.cuda.empty_cache()
                break
        return max(found, key=lambda f: f[0])


def flops_per_token(shape, rank):
    """Of a training step: forward and backward through frozen weights, three ways through adapters."""
    hidden, ffn = shape["hidden_size"], shape["intermediate_size"]
    width = shape["num_attention_heads"] * shape["head_dim"]
    kv_width = shape["num_key_value_heads"] * shape["head_dim"]
    layers = [(hidden, width), (hidden, kv_width), (hidden, kv_width), (width, hidden),
              (hidden, ffn), (hidden, ffn), (ffn, hidden)]
    frozen = sum(i * o for i, o in layers)
    adapter = sum(rank * (i + o) for i, o in layers)
    return shape["num_hidden_layers"] * (4 * frozen + 6 * adapter)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--axia", required=True)
    parser.add_argument("--shape", choices=SHAPES, default="llama-3.1-8b")
    parser.add_argument("--rank", type=int, default=256)
    parser.add_argument("--items", type=int, default=57, help="survey items; 27 rows each")
    parser.add_argument("--batch", type=int, default=324, help="axia's rows a step")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--max-tokens", type=int, default=8192)
    a = parser.parse_args()
    shape = SHAPES[a.shape]
    folder = Path(tempfile.mkdtemp(prefix="axia-cuda-"))
    write_rows(folder, shape["vocab_size"], a.items)
    model, adapter = folder / "model", folder / "adapter"
    write_model(model, shape)
    results = [{"ceilings": ceilings(), "shape": a.shape, "rank": a.rank}]
    print(json.dumps(results[0]), flush=True)

    def keep(job, mine, theirs, **more):
        results.append({
            "job": job, "axia_rows_per_s": mine["rows_per_s"], "axia_peak_mib": mine["peak_mib"],
            "peer_rows_per_s": theirs[0], "peer_peak_mib": theirs[1], "peer_batch": theirs[-1],
            "times_faster": mine["rows_per_s"] / theirs[0],
            "memory_part": mine["peak_mib"] / theirs[1], **more})
        print(json.dumps(results[-1]), flush=True)

    tokens = ["--max-tokens-per-step", a.max_tokens]
    train = folder / "train.ids.jsonl"
    # Both sides begin with the same LoRA weights: those of an adapter after two small steps.
    ours(a.axia, "train", model, train, "--steps", 1, "--batch", 27, "--rank", a.rank,
         "--alpha", 2 * a.rank, "--save", adapter)
    jobs = {}
    for job in ["score", "verdicts"]:
        jobs[job] = ours(a.axia, "score", model, folder / f"{job}.ids.jsonl", *tokens)
    trained = ours(a.axia, "train", model, train, "--init", adapter, "--batch", a.batch,
                   "--steps", a.steps, *tokens)
    steps = ours(a.axia, "train", model, train, "--init", adapter, "--batch", 27, "--steps", 3)
    peer = Peer(model)
    for job, mine in jobs.items():
        rows = [json.loads(line) for line in (folder / f"{job}.ids.jsonl").open()]
        keep(job, mine, peer.best(lambda batch: peer.score(rows, batch)))
    rows = [json.loads(line) for line in train.open()]
    peer.adapt(adapter)
    _, _, losses = peer.train(rows, 27, 3)
    gap = max(abs(x - y) / abs(y) for x, y in zip(steps["losses"], losses))
    theirs = peer.best(lambda batch: peer.train(rows, batch, a.steps)[:2])
    rate = trained["unique_tokens"] / trained["seconds"] * flops_per_token(shape, a.rank)
    keep("train", trained, theirs, largest_loss_difference=gap,
         flop_utilisation=rate / (results[0]["ceilings"]["matmul_tflops"] * 1e12))
    out = HERE / "results" / f"{datetime.date.today()}-cuda.json"
    out.write_text(json.dumps(results, indent=1) + "\n")
    if not gap <= AGREE:
        sys.exit(f"the two sides' losses differ by {gap}")


if __name__ == "__main__":
    main()
