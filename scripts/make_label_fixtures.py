"""Writes labels.json and labels.safetensors of crates/axia-engine/tests/fixtures/tiny: what
transformers and PEFT make of soft labels, which are weights over candidate continuations.

    python scripts/make_label_fixtures.py [NAME ...]

Run by hand with a Python that has torch, transformers and peft. All is computed in float64, also
what transformers would compute in float32. Every prompt with one candidate goes through the model
alone. With L_c the sum of log p over the tokens of candidate c, p a softmax over the whole
vocabulary, a row's loss is

    vocabulary:  -sum_c w_c L_c
    candidates:  -sum_c w_c log_softmax(L)_c

and the loss is the mean over the rows.
"""

import json
import random
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from torch.overrides import TorchFunctionMode
from transformers import AutoModelForCausalLM

FOLDER = Path(__file__).resolve().parent.parent / "crates/axia-engine/tests/fixtures/tiny"
MODELS = [
    "llama",
    "llama_tied",
    "llama_rope3",
    "falcon3",
    "sharded_bf16",
    "mistral",
    "qwen2",
    "qwen3",
    "smollm3",
    "gemma3",
]
# Models whose adapter is written as it is after the last step.
STEPPED = ["llama", "qwen3"]
STEPS = 3
SEED = 1
VOCAB, BOS = 320, 1
ONE_HOT = 1


def rows():
    """Rows with some shared beginnings. The weights are exact in float32 and add up to 1."""
    unused = random.Random(SEED).sample(range(3, VOCAB), 60)

    def new(count):
        taken = unused[:count]
        del unused[:count]
        return taken

    def singles():
        return [[token] for token in new(6)]

    first = [BOS] + new(5)
    second = first[:4] + new(5)
    shared, begun = new(1), new(1)
    made = [
        (first, singles(), [4, 10, 18, 16, 11, 5]),
        (second, singles(), [0, 0, 0, 64, 0, 0]),
        # Two candidates share their first token.
        ([BOS] + new(6), [new(1), shared + new(1), shared + new(2)], [16, 40, 8]),
        # The first row's prompt again; a candidate without weight.
        (first, [new(2), new(3)], [64, 0]),
        # A candidate is the beginning of the other.
        (first[:4], [begun, begun + new(1)], [24, 40]),
        (second[:5] + new(3), [new(1), new(3), new(2), new(1)], [8, 24, 12, 20]),
    ]
    return [
        dict(prompt=prompt, candidates=candidates, weights=[w / 64 for w in weights])
        for prompt, candidates, weights in made
    ]


class Float64(TorchFunctionMode):
    """Whatever asks for float32 gets float64: norms, softmax and rotary embeddings ask for it."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float:
            return args[0].double()

        def widened(value):
            return torch.float64 if value is torch.float32 else value

        kwargs = {name: widened(value) for name, value in (kwargs or {}).items()}
        return function(*map(widened, args), **kwargs)


def load(folder):
    with Float64():
        model = AutoModelForCausalLM.from_pretrained(
            folder / "model", dtype=torch.float64, attn_implementation="eager"
        )
    model = PeftModel.from_pretrained(model, folder / "adapter", is_trainable=True)
    return model.double().eval()


def adapter(model):
    """The adapter's tensors, under the names of reference.safetensors."""
    return {
        name.removeprefix("base_model.model.").replace(".default.weight", ""): tensor
        for name, tensor in model.named_parameters()
        if "lora_" in name
    }


def logits(model, prompt, candidate):
    """`(candidate's tokens, vocabulary)`: what each of the tokens is predicted from."""
    ids = torch.tensor([prompt + candidate])
    with Float64():
        return model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]


def log_likelihoods(model, row):
    """`L_c` of every candidate."""
    scores = []
    for candidate in row["candidates"]:
        log_p = logits(model, row["prompt"], candidate).log_softmax(-1)
        scores.append(log_p.gather(1, torch.tensor(candidate)[:, None]).sum())
    return torch.stack(scores)


def vocabulary(scores, weights):
    weighted = weights > 0
    return -(weights[weighted] * scores[weighted]).sum()


def candidates(scores, weights):
    return vocabulary(scores.log_softmax(0), weights)


LOSSES = dict(vocabulary=vocabulary, candidates=candidates)


def mean_loss(model, data, loss):
    losses = [
        loss(log_likelihoods(model, row), torch.tensor(row["weights"], dtype=torch.float64))
        for row in data
    ]
    return torch.stack(losses).mean()


def gradient(model, data, loss):
    model.zero_grad()
    value = mean_loss(model, data, loss)
    value.backward()
    return value.item(), {name: tensor.grad.clone() for name, tensor in adapter(model).items()}


def adamw(model, data, loss):
    """Trains the model; the losses before each step."""
    optimizer = torch.optim.AdamW(
        adapter(model).values(), lr=1e-2, betas=(0.9, 0.999), eps=1e-4, weight_decay=0.0
    )
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = mean_loss(model, data, loss)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def check(model, data):
    """What must hold of the two losses whatever the model."""
    one_hot = data[ONE_HOT]
    token = one_hot["candidates"][one_hot["weights"].index(1.0)]
    expected = cross_entropy(logits(model, one_hot["prompt"], token), torch.tensor(token))
    got = mean_loss(model, [one_hot], vocabulary)
    assert abs(got - expected) < 1e-12, (got, expected)

    # A label that is the model's own distribution teaches nothing.
    with torch.no_grad():
        own = [
            {**row, "weights": log_likelihoods(model, row).softmax(0).tolist()} for row in data
        ]
    _, gradients = gradient(model, own, candidates)
    largest = max(tensor.abs().max().item() for tensor in gradients.values())
    assert largest < 1e-12, largest


def reference(name, data):
    results, arrays = dict(rows=data), {}
    check(load(FOLDER / name), data)
    for kind, loss in LOSSES.items():
        model = load(FOLDER / name)
        value, gradients = gradient(model, data, loss)
        results[kind] = dict(loss=value, adamw=adamw(model, data, loss))
        arrays.update({f"{kind}.grad/{key}": g for key, g in gradients.items()})
        if name in STEPPED:
            trained = adapter(model).items()
            arrays.update({f"{kind}.adamw.step{STEPS}/{key}": t for key, t in trained})
    return results, arrays


def make(name):
    results, arrays = reference(name, rows())
    (FOLDER / name / "labels.json").write_text(json.dumps(results) + "\n")
    arrays = {key: a.detach().to(torch.float32).contiguous() for key, a in arrays.items()}
    save_file(arrays, FOLDER / name / "labels.safetensors")
    print(name, *(f"{kind} {results[kind]['loss']:.6f}" for kind in LOSSES))


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        make(name)
