#!/usr/bin/env python3
"""Small tasks for lm-evaluation-harness, and the comparison of two runs of them.

    lm_eval_tasks.py write FOLDER       writes the tasks and their data
    lm_eval_tasks.py compare A B        compares the samples and results of two runs
"""
import json
import sys
from pathlib import Path

# Question, answers, number of the right one.
QUESTIONS = [
    ("The capital of France is", ["Paris", "Rome", "a river", "blue"], 0),
    ("Water freezes at a temperature of", ["one hundred degrees", "zero degrees Celsius", "noon"], 1),
    ("A dog is a kind of", ["plant", "stone", "animal", "cloud"], 2),
    ("At night we can see the", ["stars", "sun at its highest"], 0),
    ("Bread is made of", ["glass", "flour", "iron", "sand"], 1),
    ("The opposite of hot is", ["warm", "cold", "red", "fast"], 1),
    ("Seven days make one", ["week", "month", "year", "hour"], 0),
    ("Bees make", ["milk", "paper", "honey", "snow"], 2),
    ("People who steal things are called", ["thieves", "doctors", "poets"], 0),
    ("A triangle has this many sides:", ["three", "four", "five", "nine"], 0),
    ("The color of fresh snow is", ["black", "green", "white", "purple"], 2),
    ("Fish live in", ["trees", "water", "books", "ovens"], 1),
    ("To cut wood you use a", ["saw", "pillow", "spoon", "song"], 0),
    ("The Earth goes around the", ["Moon", "Sun", "city", "table"], 1),
    ("A book is something that you", ["eat", "read", "drink", "wear"], 1),
    ("Ice that gets warm turns into", ["water", "stone", "wood", "gold"], 0),
    ("The “café” on the corner sells", ["coffee ☕", "aeroplanes", "mountains"], 0),
    ("Birds have wings so that they can", ["fly", "read", "melt", "rust"], 0),
    ("In winter it is usually", ["colder than in summer", "hotter than in summer"], 0),
    ("Being honest means to tell the", ["lie", "truth", "time", "price"], 1),
]
CHOICES = """\
task: axia_choices
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/choices.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{answers}}}}"
doc_to_target: right
metric_list:
  - metric: acc
  - metric: acc_norm
"""
ROLLING = """\
task: axia_rolling
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/texts.jsonl}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{text}}}}"
metric_list:
  - metric: byte_perplexity
"""
REPLIES = """\
task: axia_replies
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/replies.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answers[right]}}}}"
generation_kwargs:
  until: ["\\n", "."]
  max_gen_toks: 12
  do_sample: false
  temperature: 0
metric_list:
  - metric: exact_match
"""
# Single precision in another order of sums.
TOLERANCE = 1e-3


def write(folder: Path) -> None:
    folder.mkdir(parents=True)
    rows = [{"question": q, "answers": a, "right": r} for q, a, r in QUESTIONS]
    texts = [{"text": " ".join(q + " " + a[r] + "." for q, a, r in QUESTIONS[i : i + 5])} for i in range(0, 20, 5)]
    for name, lines in [("choices", rows), ("texts", texts), ("replies", rows[:8])]:
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, task in [("choices", CHOICES), ("rolling", ROLLING), ("replies", REPLIES)]:
        (folder / f"{name}.yaml").write_text(task.format(folder=folder.resolve()))


def samples(folder: Path, task: str) -> list:
    (path,) = folder.rglob(f"samples_{task}_*.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row["filtered_resps"] for row in sorted(rows, key=lambda row: row["doc_id"])]


def results(folder: Path) -> dict:
    (path,) = folder.rglob("results_*.json")
    return json.loads(path.read_text())["results"]


def compare(a: Path, b: Path) -> None:
    worst, greedy, number = 0.0, 0, 0
    pairs = list(zip(samples(a, "axia_choices"), samples(b, "axia_choices"), strict=True))
    for left, right in pairs:
        for (x, x_greedy), (y, y_greedy) in zip(left, right, strict=True):
            worst = max(worst, abs(float(x) - float(y)))
            greedy += str(x_greedy) != str(y_greedy)
            number += 1
    print(f"{number} choices of {len(pairs)} questions: log-likelihoods differ by at most {worst:.2e}")
    assert worst < TOLERANCE and greedy == 0, f"{greedy} greedy flags differ"
    rolling = list(zip(samples(a, "axia_rolling"), samples(b, "axia_rolling"), strict=True))
    far = max(abs(float(x[0]) - float(y[0])) for x, y in rolling)
    print(f"{len(rolling)} whole texts: log-likelihoods differ by at most {far:.2e}")
    assert far < TOLERANCE
    replies = list(zip(samples(a, "axia_replies"), samples(b, "axia_replies"), strict=True))
    print("replies:", *[row[0][0] for row in replies], sep="\n  ")
    assert all(x == y for x, y in replies), [pair for pair in replies if pair[0] != pair[1]]
    for task, metrics in results(a).items():
        for name, value in metrics.items():
            other = results(b)[task][name]
            if isinstance(value, float) and not name.startswith(("alias", "sample")):
                print(f"{task} {name}: {value:.6f} {other:.6f}")
                assert abs(value - other) < TOLERANCE, name
    print("equal")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", folder]:
            write(Path(folder))
        case ["compare", a, b]:
            compare(Path(a), Path(b))
        case _:
            sys.exit(__doc__)
