#!/usr/bin/env python3
"""axia beside transformers + PEFT on one NVIDIA card: a model with random weights, the same rows, in
one run. Prints one JSON object per measurement and a table, and keeps both in results/.

    cuda.py --axia target/release/axia [--shape llama-3.1-8b] [--rank 256]
    cuda.py --axia target/release/axia --dry-run     a tiny model on the CPU: does all of it work?

Needs torch, transformers, peft and tokenizers. Rows are the bundled survey's; as the weights are
random, words become token ids by a hash, which keeps lengths and shared beginnings.
"""
import argparse
import datetime
import json
import math
import platform
import re
import subprocess
import sys
import tempfile
import threading
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
    "tiny": dict(
        vocab_size=2048, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, rope_theta=10000.0),
}
# What the project wants, as multiples of the peer's speed, seconds, and parts.
GOALS = {
    "llama-3.1-8b": {
        "training, times the peer": 8, "one epoch, s": 15, "full protocol, s": 120,
        "scoring, times the peer": 10, "verdicts, times the peer": 3,
        "part of the matmul rate": 0.45, "part of the peer's memory": 0.6},
    "smollm2-135m": {"one epoch, s": 3},
}
AT_MOST = {"one epoch, s", "full protocol, s", "part of the peer's memory"}
SURVEY_ROWS, HELD_OUT_ROWS, MOST_EPOCHS = 10_206, 2_916, 10


def ids(text, vocab):
    pieces = re.findall(r"\w+|[^\w]", text)
    return [100 + zlib.crc32(piece.encode()) % (vocab - 100) for piece in pieces]


def write_rows(folder, vocab, items):
    """The rows as token ids: train, score, verdicts, and validation, whose one candidate is the
    completion."""
    subprocess.run([sys.executable, HERE / "rows.py", str(items), folder], check=True)
    rows = {}
    for name in ["train", "score", "verdicts"]:
        rows[name] = []
        for line in (folder / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            made = {"prompt_ids": ids(row["prompt"], vocab)}
            if "completion" in row:
                made["completion_ids"] = ids(row["completion"], vocab)
            else:
                made["candidates_ids"] = [ids(c, vocab) for c in row["candidates"]]
            rows[name].append(made)
    rows["score"] = rows["score"][:HELD_OUT_ROWS]
    rows["validation"] = [
        {"prompt_ids": r["prompt_ids"], "candidates_ids": [r["completion_ids"]]}
        for r in rows["train"][:HELD_OUT_ROWS]]
    for name, found in rows.items():
        text = "".join(json.dumps(row) + "\n" for row in found)
        (folder / f"{name}.ids.jsonl").write_text(text)
    return rows


class Peak(threading.Thread):
    """Follows the card's memory in use beyond `before`, in MiB, as long as it is entered."""

    def __init__(self, before):
        super().__init__(daemon=True)
        self.before, self.mib, self.ends = before, 0, threading.Event()

    @staticmethod
    def used():
        query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0"]
        return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])

    def run(self):
        while not self.ends.wait(0.1):
            self.mib = max(self.mib, self.used() - self.before)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()


class NoPeak:
    """Without a card there is nothing to follow."""

    mib = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Axia:
    def __init__(self, binary, folder, device):
        self.binary, self.folder, self.device = binary, folder, device

    def run(self, job, rows, *args):
        """What a command prints, with the card's peak memory."""
        command = [self.binary, job, "--device", self.device, "--model", self.folder / "model",
                   "--rows", self.folder / f"{rows}.ids.jsonl", *args]
        with NoPeak() if self.device == "cpu" else Peak(Peak.used()) as peak:
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        return {**json.loads(done.stdout), "peak_mib": peak.mib}


def flops_per_token(shape, rank):
    """Of a training step: forward and backward through frozen weights, three ways through adapters.
    Attention and the output layer are left out."""
    hidden, ffn = shape["hidden_size"], shape["intermediate_size"]
    width = shape["num_attention_heads"] * shape["head_dim"]
    kv_width = shape["num_key_value_heads"] * shape["head_dim"]
    layers = [(hidden, width), (hidden, kv_width), (hidden, kv_width), (width, hidden),
              (hidden, ffn), (hidden, ffn), (ffn, hidden)]
    frozen = sum(i * o for i, o in layers)
    adapter = sum(rank * (i + o) for i, o in layers)
    return shape["num_hidden_layers"] * (4 * frozen + 6 * adapter)


def largest_gap(found, expected):
    """The largest difference of two lists; infinite where they cannot be compared."""
    if len(found) != len(expected) or not all(map(math.isfinite, [*found, *expected])):
        return math.inf
    return max(abs(x - y) for x, y in zip(found, expected))


def versions(device):
    import peft
    import torch
    import transformers

    name = platform.processor() if device == "cpu" else torch.cuda.get_device_name()
    return {"device": name, "torch": torch.__version__, "transformers": transformers.__version__,
            "peft": peft.__version__, "cuda": torch.version.cuda,
            "python": platform.python_version()}


def measure(a, shape, folder, say):
    """All measurements, told to `say` as they come; the largest differences of scores and losses."""
    import torch
    from cuda_peer import Peer, write_model

    device, dtype = ("cpu", torch.float32) if a.dry_run else ("cuda", torch.bfloat16)
    # Before torch has taken anything: its own share of the card counts as the peer's.
    before = None if a.dry_run else Peak.used()
    watch = NoPeak if a.dry_run else lambda: Peak(before)
    rows = write_rows(folder, shape["vocab_size"], a.items)
    write_model(folder / "model", shape, device, dtype)
    axia = Axia(a.axia, folder, "cpu" if a.dry_run else "cuda:0")
    adapter, scores = folder / "adapter", folder / "scores.jsonl"
    # Both sides begin with the same LoRA weights: those of an adapter after two small steps.
    axia.run("train", "train", "--steps", 2, "--batch", 27, "--rank", a.rank, "--alpha", 2 * a.rank,
             "--save", adapter)
    axia.run("score", "score", "--limit", 27, "--out", scores)
    small = axia.run("train", "train", "--init", adapter, "--batch", 4, "--steps", 4)
    mine = {job: axia.run("score", job) for job in ["score", "verdicts", "validation"]}
    mine["train"] = axia.run("train", "train", "--init", adapter, "--batch", a.batch,
                             "--steps", a.steps + 1)
    # Steps that fill a card: more than 8,000 distinct tokens.
    mine["train, large steps"] = axia.run("train", "train", "--init", adapter, "--batch", 2 * a.batch,
                                          "--steps", 1 + max(1, a.steps // 4))
    if not a.dry_run:
        timed = axia.run("train", "train", "--init", adapter, "--batch", a.batch, "--steps", 2,
                         "--time-kernels")
        # Copies and clearing are not kernels; waiting for each makes small ones look larger.
        say({"job": "kernels (name, calls, seconds) of two steps, waited for one by one",
             "kernels": timed["kernels"], "seconds_of_the_second_step": timed["seconds"]})
    peer = Peer(folder / "model", device, dtype)
    ceilings = peer.ceilings(*((256, 1 << 20) if a.dry_run else (8192, 1 << 30)))
    say({"job": "ceilings", **ceilings})
    theirs = {
        "score": peer.best(lambda batch: peer.score(rows["score"][:a.peer_rows], batch), watch),
        "verdicts": peer.best(lambda batch: peer.score(rows["verdicts"], batch), watch)}
    expected, _ = peer.score(rows["score"][:27], 4)
    found = [s for line in scores.read_text().splitlines() for s in json.loads(line)["scores"]]
    score_gap = largest_gap(found, expected)
    peer.adapt(adapter)
    expected, _ = peer.train(rows["train"], 4, 3)
    loss_gap = largest_gap(small["losses"], expected)
    theirs["train"] = peer.best(lambda batch: peer.train(rows["train"], batch, a.peer_steps), watch)
    for job, ours in mine.items():
        kept = {k: ours[k] for k in ["rows_per_s", "seconds", "unique_tokens", "peak_mib"]}
        say({"job": job, "axia": kept, "peer": theirs.get(job)})
    # Where nothing fits, the peer has no speed.
    times = {job: mine[job]["rows_per_s"] / best["rows_per_s"] if best else math.inf
             for job, best in theirs.items()}
    epoch = SURVEY_ROWS / mine["train"]["rows_per_s"]
    validation = HELD_OUT_ROWS / mine["validation"]["rows_per_s"]
    large = mine["train, large steps"]
    rate = large["unique_tokens"] / large["seconds"] * flops_per_token(shape, a.rank)
    table = {
        "training, times the peer": times["train"],
        "one epoch, s": epoch,
        # Control and steered, as many epochs as there may be, each validated.
        "full protocol, s": 2 * MOST_EPOCHS * (epoch + validation),
        "scoring, times the peer": times["score"],
        "verdicts, times the peer": times["verdicts"],
        "part of the matmul rate": rate / ceilings["matmul_flops_per_s"],
        "largest difference of scores": score_gap,
        "largest difference of losses": loss_gap,
    }
    if theirs["train"] and not a.dry_run:
        part = mine["train"]["peak_mib"] / theirs["train"]["peak_mib"]
        table["part of the peer's memory"] = part
    say(table)
    return table


def as_markdown(name, table):
    goals = GOALS.get(name, {})
    lines = [f"| {name} | found | goal |", "|---|---|---|"]
    for what, found in table.items():
        goal = f"{'≤' if what in AT_MOST else '≥'} {goals[what]}" if what in goals else ""
        lines.append(f"| {what} | {found:.3g} | {goal} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axia", required=True)
    parser.add_argument("--shape", choices=SHAPES, default="llama-3.1-8b")
    parser.add_argument("--rank", type=int, default=256)
    parser.add_argument("--items", type=int, default=378, help="survey items; 27 rows each")
    parser.add_argument("--batch", type=int, default=324, help="axia's rows a step")
    parser.add_argument("--steps", type=int, default=31, help="axia's steps: about one epoch")
    parser.add_argument("--peer-steps", type=int, default=4)
    parser.add_argument("--peer-rows", type=int, default=216)
    parser.add_argument("--dry-run", action="store_true", help="a tiny model on the CPU")
    a = parser.parse_args()
    if a.dry_run:
        a.shape, a.rank, a.items, a.batch, a.steps = "tiny", 4, 4, 54, 1
        a.peer_steps, a.peer_rows = 1, 27
    out = HERE / "results" / f"{datetime.date.today()}-cuda-{a.shape}"
    results = []

    def say(result):
        """Prints a result and keeps all so far: what comes later may fail."""
        results.append(result)
        print(json.dumps(result), flush=True)
        if not a.dry_run:
            Path(f"{out}.json").write_text(json.dumps(results, indent=1) + "\n")

    say({"shape": a.shape, "command": sys.argv[1:], **versions("cpu" if a.dry_run else "cuda")})
    with tempfile.TemporaryDirectory(prefix="axia-cuda-") as folder:
        table = measure(a, SHAPES[a.shape], Path(folder), say)
    print(as_markdown(a.shape, table))
    if not a.dry_run:
        Path(f"{out}.md").write_text(as_markdown(a.shape, table) + "\n")
    # In bf16 sums go different ways on both sides; a score adds up several tokens.
    agree = {"losses": 2e-2, "scores": 0.3} if not a.dry_run else {"losses": 1e-3, "scores": 1e-3}
    for what, most in agree.items():
        gap = table[f"largest difference of {what}"]
        if not gap <= most:
            sys.exit(f"the two sides' {what} differ by {gap}, more than {most}")


if __name__ == "__main__":
    main()
