#!/usr/bin/env python3
"""The usual way: transformers + PEFT on padded batches.

    peer.py score MODEL.gguf ROWS OUT --batch 32
    peer.py train MODEL.gguf ROWS OUT --batch 27 --steps 3 --rank 64 --init ADAPTER

Writes OUT as JSON: rows_per_s, peak_mib, and scores or losses.
"""
import argparse
import json
import os
import resource
import time

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer


def load(path):
    folder, name = os.path.split(os.path.abspath(path))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    # transformers' conversion of this file forgets that digits stand alone.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True),
         pre_tokenizers.ByteLevel(add_prefix_space=False)])
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, attn_implementation="sdpa")
    return tokenizer, model


def padded(sequences, fill):
    longest = max(map(len, sequences))
    return torch.tensor([s + [fill] * (longest - len(s)) for s in sequences])


def score(tokenizer, model, rows, batch):
    model.eval()
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    jobs = [(i, encode(r["prompt"]), encode(c)) for i, r in enumerate(rows) for c in r["candidates"]]
    scores = [[] for _ in rows]
    started = time.perf_counter()
    with torch.no_grad():
        for at in range(0, len(jobs), batch):
            part = jobs[at:at + batch]
            ids = padded([p + c for _, p, c in part], 0)
            mask = padded([[1] * len(p + c) for _, p, c in part], 0)
            log_p = model(input_ids=ids, attention_mask=mask).logits.log_softmax(-1)
            for k, (row, prompt, candidate) in enumerate(part):
                at_token = [log_p[k, len(prompt) - 1 + m, t].item() for m, t in enumerate(candidate)]
                scores[row].append(sum(at_token))
    return {"rows_per_s": len(rows) / (time.perf_counter() - started), "scores": scores}


def train(tokenizer, model, rows, batch, steps, adapter):
    from peft import PeftModel
    model = PeftModel.from_pretrained(model, adapter, is_trainable=True).train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.0)
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    pairs = [(encode(r["prompt"]), encode(r["completion"]) + [tokenizer.eos_token_id]) for r in rows]
    losses, spent = [], 0.0
    for step in range(steps + 1):  # the first step warms up and is not timed
        part = [pairs[(step * batch + k) % len(pairs)] for k in range(batch)]
        ids = padded([p + c for p, c in part], 0)
        mask = padded([[1] * len(p + c) for p, c in part], 0)
        labels = padded([[-100] * len(p) + c for p, c in part], -100)
        started = time.perf_counter()
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        spent += time.perf_counter() - started if step else 0.0
        losses.append(loss.item())
    return {"rows_per_s": batch * steps / spent, "losses": losses}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=["score", "train"])
    parser.add_argument("model")
    parser.add_argument("rows")
    parser.add_argument("out")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--init")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    rows = [json.loads(line) for line in open(a.rows)][:a.limit]
    tokenizer, model = load(a.model)
    if a.job == "score":
        result = score(tokenizer, model, rows, a.batch)
    else:
        result = train(tokenizer, model, rows, a.batch, a.steps, a.init)
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with open(a.out, "w") as out:
        json.dump(result, out)


if __name__ == "__main__":
    main()
