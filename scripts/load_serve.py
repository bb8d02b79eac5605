#!/usr/bin/env python3
"""Many clients at `axia serve` for a bounded time: readings of texts, completions, chats, streams,
clients that hang up, and requests that make no sense. Python's own library is enough.

    load_serve.py AXIA MODEL [--run RUN] [--clients 64] [--seconds 60] [--seed 0] [--threads N]

Starts the server on a free port, checks every answer (status, shape, and that the same question gets
the same answer whatever else goes on), prints latencies, throughput and the server's memory, stops
the server, and fails where an answer was wrong, memory grew, or the server did not end well. Memory
is read from /proc, so that this part needs Linux.
"""
import argparse
import asyncio
import collections
import json
import math
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

STATEMENTS = [
    "I keep my promises when nobody would notice.",
    "I look for new things to try.",
    "It matters to me that others respect what I say.",
    "I plant trees whose shade I will not sit in.",
    "I want my days to be orderly.",
    "I enjoy a good meal more than most.",
]
SURVEY = "How well does the statement describe you, from 1 (not at all) to 6 (very well)?\n\nStatement:\n"
# Growth of anonymous memory between the second quarter and the last that counts as none.
SLACK_PART, SLACK_MIB = 0.10, 32


class Wrong(Exception):
    """An answer that is not what it should be."""


async def send(port, method, path, body=None):
    """Sends a request; gives the connection to read from."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: load\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()
    return reader, writer


async def read_head(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return int(lines[0].split(" ")[1]), headers


async def ask(port, method, path, body=None):
    reader, writer = await send(port, method, path, body)
    try:
        status, headers = await read_head(reader)
        data = await reader.readexactly(int(headers["content-length"]))
        return status, headers, json.loads(data)
    finally:
        writer.close()


async def chunks(reader):
    while size := int(await reader.readline(), 16):
        yield (await reader.readexactly(size + 2))[:-2].decode()


def number(value, what):
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value > 0:
        raise Wrong(f"{what} is {value!r}")
    return value


class Client:
    def __init__(self, port, models, seed, stats, patience):
        self.port, self.models, self.stats, self.patience = port, models, stats, patience
        self.random = random.Random(seed)

    def model(self):
        return self.random.choice(self.models)

    async def post(self, path, body, expected=200):
        """Posts until there is room."""
        while True:
            status, headers, answer = await ask(self.port, "POST", path, body)
            if status != 429:
                break
            self.stats.full += 1
            await asyncio.sleep(float(headers["retry-after"]))
        if status != expected:
            raise Wrong(f"{path} gave {status}: {str(answer)[:200]}")
        return answer

    async def readings(self):
        statements = self.random.sample(STATEMENTS, self.random.randint(1, 4))
        prompts = [f"{SURVEY}{s}\n\nRating: {self.random.randint(1, 6)}" for s in statements]
        body = {"model": self.model(), "prompt": prompts, "max_tokens": 0, "echo": True, "logprobs": 1}
        answer = await self.post("/v1/completions", body)
        if len(answer["choices"]) != len(prompts):
            raise Wrong("a choice is missing")
        for choice, prompt in zip(answer["choices"], prompts):
            first, *rest = choice["logprobs"]["token_logprobs"]
            if choice["text"] != prompt or first is not None:
                raise Wrong("the echo is not the prompt")
            for value in rest:
                number(value, "a log-probability")
        self.stats.read += answer["usage"]["prompt_tokens"]

    async def completion(self):
        body = {"model": self.model(), "prompt": f"Once, {self.random.randint(0, 999)} years ago,",
                "max_tokens": self.random.randint(1, 24), "logprobs": 2, "n": self.random.randint(1, 2)}
        answer = await self.post("/v1/completions", body)
        for choice in answer["choices"]:
            if choice["finish_reason"] not in ("stop", "length"):
                raise Wrong("no reason to finish")
            for value in choice["logprobs"]["token_logprobs"]:
                number(value, "a log-probability")
        self.stats.drawn += answer["usage"]["completion_tokens"]

    def chat_body(self, tokens, stream):
        question = f"What is {self.random.randint(1, 99)} and {self.random.randint(1, 99)}?"
        return {"model": self.model(), "messages": [{"role": "user", "content": question}],
                "max_tokens": tokens, "stream": stream, "stream_options": {"include_usage": True}
                if stream else None}

    async def chat(self):
        answer = await self.post("/v1/chat/completions", self.chat_body(self.random.randint(1, 24), False))
        if not isinstance(answer["choices"][0]["message"]["content"], str):
            raise Wrong("no text")
        self.stats.drawn += answer["usage"]["completion_tokens"]

    async def stream(self):
        reader, writer = await send(self.port, "POST", "/v1/chat/completions",
                                    self.chat_body(self.random.randint(4, 24), True))
        try:
            status, headers = await read_head(reader)
            if status == 429:
                self.stats.full += 1
                return await asyncio.sleep(float(headers["retry-after"]))
            if status != 200:
                raise Wrong(f"a stream gave {status}")
            text = "".join([chunk async for chunk in chunks(reader)])
        finally:
            writer.close()
        events = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
        if events.pop() != "[DONE]":
            raise Wrong("a stream ended early")
        usage = [json.loads(event).get("usage") for event in events][-1]
        self.stats.drawn += usage["completion_tokens"]

    async def hanging_up(self):
        """Asks for much, and leaves: before anything came, or in the middle of a stream."""
        stream = self.random.random() < 0.7
        reader, writer = await send(self.port, "POST", "/v1/chat/completions", self.chat_body(400, stream))
        try:
            await asyncio.wait_for(reader.readexactly(400), self.random.uniform(0.05, 3))
        except (asyncio.TimeoutError, asyncio.IncompleteReadError):
            pass
        writer.transport.abort()

    async def nonsense(self):
        body = self.random.choice([b"{", b"", b'{"prompt": 7}', b'{"prompt": "a", "logprobs": 99}'])
        await self.post("/v1/completions", body, 400)

    async def small(self):
        tokens = (await self.post("/tokenize", {"prompt": "Power is"}))["tokens"]
        text = (await self.post("/detokenize", {"tokens": tokens}))["prompt"]
        if text != "Power is":
            raise Wrong(f"tokens became {text!r}")
        for path in ("/health", "/v1/models"):
            if (await ask(self.port, "GET", path))[0] != 200:
                raise Wrong(path)

    async def same(self):
        """The same questions get the same answers."""
        model = self.model()
        body = {"model": model, "prompt": SURVEY + STATEMENTS[0], "echo": True, "logprobs": 0,
                "max_tokens": 0}
        answer = await self.post("/v1/completions", body)
        total = sum(answer["choices"][0]["logprobs"]["token_logprobs"][1:])
        body = {"model": model, "prompt": "The sea", "max_tokens": 8, "seed": 1}
        reply = (await self.post("/v1/completions", body))["choices"][0]["text"]
        known_total, known_reply = self.stats.known.setdefault(model, (total, reply))
        if abs(total - known_total) > 1e-3 or reply != known_reply:
            raise Wrong(f"{model}: {total} {reply!r} instead of {known_total} {known_reply!r}")

    async def run(self, until):
        kinds = [(self.readings, 8), (self.completion, 4), (self.chat, 3), (self.stream, 3),
                 (self.hanging_up, 3), (self.nonsense, 1), (self.small, 1), (self.same, 1)]
        while time.monotonic() < until:
            kind = self.random.choices(*zip(*kinds))[0]
            started = time.monotonic()
            try:
                await asyncio.wait_for(kind(), self.patience)
                self.stats.times[kind.__name__].append(time.monotonic() - started)
            except Exception as error:  # whatever it is, it is counted and told
                self.stats.errors.append(f"{kind.__name__}: {type(error).__name__}: {error}")


class Stats:
    def __init__(self):
        self.times = collections.defaultdict(list)
        self.errors, self.known, self.memory = [], {}, []
        self.full = self.read = self.drawn = 0


def memory(pid):
    """All resident memory, and the part that is not the model's file, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss") or line.startswith("VmRSS")}
    return kib["VmRSS"] / 1024, kib["RssAnon"] / 1024


async def watch(pid, stats):
    while True:
        stats.memory.append(memory(pid))
        await asyncio.sleep(0.5)


async def load(port, pid, a):
    stats = Stats()
    models = [model["id"] for model in (await ask(port, "GET", "/v1/models"))[2]["data"]]
    # What is made once, when first needed, is no growth.
    for model in models:
        await Client(port, [model], a.seed, stats, a.patience).same()
    watching = asyncio.create_task(watch(pid, stats)) if Path("/proc").exists() else None
    started = time.monotonic()
    clients = [Client(port, models, (a.seed << 16) + n, stats, a.patience) for n in range(a.clients)]
    await asyncio.gather(*(client.run(started + a.seconds) for client in clients))
    seconds = time.monotonic() - started
    if watching:
        watching.cancel()
    return models, stats, seconds


def report(models, stats, seconds, args):
    """Prints everything; returns what is wrong."""
    print(f"{args.clients} clients for {seconds:.0f} s at {', '.join(models)}\n")
    print("| kind | answers | median | 90 % | 99 % | longest |\n|---|---|---|---|---|---|")
    for kind, times in sorted(stats.times.items()):
        times.sort()
        at = lambda part: times[min(len(times) - 1, int(part * len(times)))]
        row = " | ".join(f"{value:.2f} s" for value in (at(0.5), at(0.9), at(0.99), times[-1]))
        print(f"| {kind.replace('_', ' ')} | {len(times)} | {row} |")
    answers = sum(map(len, stats.times.values()))
    print(f"\n{answers / seconds:.1f} requests/s, {stats.read / seconds:.0f} tokens read/s, "
          f"{stats.drawn / seconds:.0f} tokens drawn/s; {stats.full} times told to come back")
    wrong = [f"{len(stats.errors)} errors, such as {stats.errors[0]}"] if stats.errors else []
    if not stats.memory:
        print("memory was not measured here")
        return wrong
    count = len(stats.memory)
    show = lambda index: f"{stats.memory[index][0]:.0f} MiB ({stats.memory[index][1]:.0f} anonymous)"
    print(f"memory: {show(0)} at the start, {show(count // 2)} in the middle, {show(-1)} at the end")
    bounds = [count * quarter // 4 for quarter in range(5)]
    parts = [sorted(anonymous for _, anonymous in stats.memory[a:b]) for a, b in zip(bounds, bounds[1:])]
    quarters = [part[len(part) // 2] if part else math.nan for part in parts]
    print(f"anonymous memory by quarters: {', '.join(f'{quarter:.0f}' for quarter in quarters)} MiB")
    _, early, _, late = quarters
    if late > early * (1 + SLACK_PART) + SLACK_MIB:
        wrong.append(f"memory grew from {early:.0f} to {late:.0f} MiB")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("axia")
    parser.add_argument("model")
    parser.add_argument("--run")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--patience", type=float, default=300, help="seconds that an answer may take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    a = parser.parse_args()
    command = [a.axia, "serve", a.model, "--port", "0"]
    command += ["--run", a.run] if a.run else []
    command += ["--threads", str(a.threads)] if a.threads else []
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        if not address:
            sys.exit("the server did not start")
        port = int(address.removesuffix("/v1").rsplit(":", 1)[1])
        wrong = report(*asyncio.run(load(port, server.pid, a)), a)
        server.send_signal(signal.SIGTERM)
        code = server.wait(timeout=10)
        wrong += [f"the server ended with {code}"] if code else []
    finally:
        server.kill()
        server.wait()
    if wrong:
        sys.exit("\n".join(wrong))
    print("no error, no growth")


if __name__ == "__main__":
    main()
