#!/usr/bin/env python3
"""`axia serve` beside llama.cpp's server (PyPI's `xllamacpp`): same file, machine, threads, clients and
prompts, one server after the other.

    serve.py --axia target/release/axia --model MODEL.gguf [--threads 2] [--rounds 2]

Run by a Python that has xllamacpp. Two jobs that both servers can do: the likeliest first tokens of an
answer to survey rows, which share their beginnings, and the same for single long prompts that share
nothing. Checks that the ratings' probabilities agree, and writes a table to results/.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import datetime
import json
import math
import multiprocessing
import os
import subprocess
import tempfile
import time
import tomllib
import urllib.request
from importlib import metadata
from pathlib import Path

import compare
import rows

HERE = Path(__file__).resolve().parent
PASSAGES = HERE.parent / "data/neutral-text/passages.toml"
CLIENTS = 64
LONG = 3
RATINGS = "123456"
# Among the likeliest twenty first tokens, to which both servers' lists are cut.
TOP = 20


def survey_prompts(items, folder):
    rows.main(items, folder)
    return [json.loads(line)["prompt"] for line in (folder / "score.jsonl").read_text().splitlines()]


def long_prompts():
    """Texts that have nothing in common, of about two thousand tokens each."""
    texts = [p["text"].strip() for p in tomllib.loads(PASSAGES.read_text())["passage"]]
    return [" ".join(texts[number::LONG]) for number in range(LONG)]


def post(address, path, body):
    request = urllib.request.Request(address + path, json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as response:
        return json.load(response)


def first_tokens(address, prompt):
    """Log-probabilities of the likeliest first tokens of an answer, by text."""
    body = {"prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": TOP}
    found = post(address, "/v1/completions", body)["choices"][0]["logprobs"]
    if "content" in found:
        return {one["token"]: one["logprob"] for one in found["content"][0]["top_logprobs"]}
    return found["top_logprobs"][0]


def ask_all(address, prompts, clients):
    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda prompt: first_tokens(address, prompt), prompts))
    return answers, time.perf_counter() - started


def serve_llama(model, threads, slots, pipe):
    import xllamacpp

    # It tells every request.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 4096 * slots
    params.n_parallel = slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    pipe.send(server.listening_address)
    pipe.recv()
    os._exit(0)


@contextlib.contextmanager
def llama(a, slots):
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=serve_llama, args=(a.model, a.threads, slots, theirs))
    server.start()
    try:
        yield ours.recv()
        ours.send(None)
        server.join(10)
    finally:
        server.kill()


@contextlib.contextmanager
def axia(a):
    command = [a.axia, "serve", a.model, "--port", "0", "--threads", str(a.threads)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield server.stdout.readline().strip().removesuffix("/v1")
    finally:
        server.terminate()
        server.wait()


def counted(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def ratings(tokens):
    """Probabilities of the ratings among each other; a token may come with a space before it."""
    odds = collections.Counter()
    for token, log_prob in tokens.items():
        if token.strip() in RATINGS and token.strip():
            odds[token.strip()] += math.exp(log_prob)
    total = sum(odds.values())
    return {rating: odds[rating] / total for rating in RATINGS} if total else None


def gap(ours, theirs):
    """The largest difference in a rating's probability, over the rows where both list one."""
    pairs = [(ratings(x), ratings(y)) for x, y in zip(ours, theirs, strict=True)]
    pairs = [(x, y) for x, y in pairs if x and y]
    return max(abs(x[r] - y[r]) for x, y in pairs for r in RATINGS), len(pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--axia", default=str(HERE.parent / "target/release/axia"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--items", type=int, default=4, help="survey items, each asked in 27 ways")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4, 16],
                        help="llama.cpp's parallel sequences; its best counts")
    a = parser.parse_args()
    survey = survey_prompts(a.items, Path(tempfile.mkdtemp(prefix="axia-bench-")))
    long = long_prompts()
    seconds = collections.defaultdict(list)
    answers = {}

    def measure(name, address):
        first_tokens(address, "Warm up.")
        answers[name], spent = ask_all(address, survey, CLIENTS)
        seconds[name, "survey"].append(spent)
        for prompt in long:
            seconds[name, "long"].append(ask_all(address, [prompt], 1)[1])
        print(name, {job: round(times[-1], 2) for (own, job), times in seconds.items() if own == name},
              flush=True)

    for _ in range(a.rounds):
        with axia(a) as address:
            measure("axia", address)
            length = sum(len(post(address, "/tokenize", {"prompt": p})["tokens"]) for p in long) // LONG
        for slots in a.slots:
            with llama(a, slots) as address:
                measure(f"llama.cpp, {counted(slots, 'slot')}", address)

    def best(name, job):
        return min(seconds[name, job])

    peers = [f"llama.cpp, {counted(slots, 'slot')}" for slots in a.slots]
    lines = []
    for job, title, amount, unit in [
        ("survey", f"{len(survey)} survey rows, {CLIENTS} clients", len(survey), "rows/s"),
        ("long", f"one prompt of {length} tokens", length, "tokens/s"),
    ]:
        peer = min(peers, key=lambda name: best(name, job))
        theirs, ours = amount / best(peer, job), amount / best("axia", job)
        lines.append(f"| {title} | {theirs:.1f} {unit} ({peer.split(', ')[1]}) | {ours:.1f} {unit} | {ours / theirs:.2f}× |")
    largest, compared = gap(answers["axia"], answers[peers[-1]])
    today = datetime.date.today().isoformat()
    text = f"""# `axia serve` beside llama.cpp's server, {today}

| {counted(a.threads, "thread")} | llama.cpp | axia | axia / llama.cpp |
|---|---|---|---|
{chr(10).join(lines)}

Best of {counted(a.rounds, "round")}, servers in turn; for llama.cpp the best of {', '.join(map(str, a.slots))} parallel slots,
each with its prompt cache on. A row or prompt is one request to `/v1/completions` for one token and
its {TOP} likeliest rivals. Ratings' probabilities among each other differ by at most {largest:.3f} ({compared}
rows where both list ratings): llama.cpp multiplies in 8-bit integers, axia in single precision.

- Machine: {compare.processor()}
- {compare.run([a.axia, "-V"]).strip()}; xllamacpp {metadata.version("xllamacpp")}; {Path(a.model).name}
- `benchmarks/serve.py --model {Path(a.model).name} --threads {a.threads} --rounds {a.rounds}`
"""
    (HERE / "results" / f"{today}-serve.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
