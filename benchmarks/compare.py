#!/usr/bin/env python3
"""Runs axia and its peer on the same rows, checks that they agree, prints and keeps the table.

    compare.py --axia target/release/axia --model MODEL.gguf --peer-python PYTHON
"""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
AGREE = 1e-3


def run(command, **kwargs):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def largest_gap(ours, theirs):
    flat = lambda x: [x] if isinstance(x, float) else [v for part in x for v in flat(part)]
    pairs = list(zip(flat(ours), flat(theirs)))
    return max(abs(a - b) for a, b in pairs)


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    simd = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "baseline SIMD"
    return f"{names[0] if names else platform.processor()} × {len(names)} ({simd})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--axia", default=HERE.parent / "target/release/axia")
    parser.add_argument("--model", required=True)
    parser.add_argument("--peer-python", default=os.environ.get("PEER_PYTHON", "python3"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    a = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="axia-bench-"))
    run([sys.executable, HERE / "rows.py", 16, folder])
    threads = ["--threads", a.threads]

    # Both sides begin with the same LoRA weights: those of an adapter after two small steps.
    init = folder / "init"
    run([a.axia, "train", "--model", a.model, "--rows", folder / "train.jsonl", "--steps", 2,
         "--batch", 27, "--rank", a.rank, "--alpha", 2 * a.rank, "--save", init, *threads])

    def peer(job, *args, rows=None):
        out, rows = folder / "peer.json", folder / f"{rows or job}.jsonl"
        run([a.peer_python, HERE / "peer.py", job, a.model, rows, out, *args, *threads])
        return json.loads(out.read_text())

    def ours(job, *args, rows=None):
        rows = folder / f"{rows or job}.jsonl"
        return json.loads(run([a.axia, job, "--model", a.model, "--rows", rows, *args, *threads]))

    rows = []

    def compare(job, title, theirs, mine, gap):
        rows.append({
            "job": title,
            "peer_rows_per_s": round(theirs["rows_per_s"], 2),
            "axia_rows_per_s": round(mine["rows_per_s"], 2),
            "times_faster": round(mine["rows_per_s"] / theirs["rows_per_s"], 1),
            "peer_mib": round(theirs["peak_mib"]),
            "axia_mib": round(mine["peak_rss_mib"]),
            "memory_part": round(mine["peak_rss_mib"] / theirs["peak_mib"], 3),
            "largest_difference": gap,
        })
        print(json.dumps(rows[-1]), flush=True)
        if not gap <= AGREE:
            sys.exit(f"{title}: the two sides differ by {gap}")

    # Both sides take a step more than they time. Same batches on both sides: losses must agree step by step.
    theirs = peer("train", "--batch", 27, "--steps", a.steps, "--init", init)
    mine = ours("train", "--batch", 27, "--steps", a.steps + 1, "--init", init)
    gap = largest_gap(mine["losses"], theirs["losses"])
    compare("train", "training, 27 rows a step", theirs, mine, gap)
    # The peer's best batch against 108 rows a step; the losses are of other batches.
    mine = ours("train", "--batch", 108, "--steps", a.steps + 1, "--init", init)
    compare("train", "training, 108 rows a step (peer: 27)", theirs, mine, gap)

    def scoring(title, rows, limit, batch):
        theirs = peer("score", "--batch", batch, "--limit", limit, rows=rows)
        scores = folder / "scores.jsonl"
        mine = ours("score", "--limit", limit, "--out", scores, rows=rows)
        found = [json.loads(line)["scores"] for line in scores.read_text().splitlines()]
        compare("score", title, theirs, mine, largest_gap(found, theirs["scores"]))

    scoring("scoring, 108 rows × 6 candidates", "score", 108, 32)
    scoring("judging, 100 posts × 3 verdicts", "verdicts", 100, 12)

    one = folder / "one.jsonl"
    one.write_text((folder / "score.jsonl").read_text().splitlines()[0] + "\n")
    starts = []
    for _ in range(5):
        started = time.perf_counter()
        run([a.axia, "score", "--model", a.model, "--rows", one, *threads])
        starts.append(time.perf_counter() - started)
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": processor(),
        "threads": a.threads,
        "axia": run([a.axia, "-V"]).strip(),
        "peer": run([a.peer_python, "-c", "import torch, transformers, peft; print(f'torch "
                     "{torch.__version__}, transformers {transformers.__version__}, peft "
                     "{peft.__version__}')"]).strip(),
        "model": Path(a.model).name,
        "rank": a.rank,
        "command": "benchmarks/run.sh",
        "rows": rows,
        "start_seconds_median": round(sorted(starts)[2], 2),
    }
    name = HERE / "results" / f"{result['date']}-cpu.json"
    name.parent.mkdir(exist_ok=True)
    name.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
