#!/usr/bin/env python3
"""Rows for the benchmarks: the first items of the bundled survey in all 27 variants, and the first
bundled posts with the three verdicts.

    rows.py ITEMS FOLDER    writes train.jsonl, score.jsonl and verdicts.jsonl in FOLDER
"""
import json
import sys
import tomllib
from itertools import zip_longest
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
SURVEY = DATA / "survey"
POSTS_PER_VALUE = 5
QUESTION = """Someone asks strangers to judge a conflict and writes:

{post}

Is the writer in the wrong? The possible verdicts are:
NTA = the writer is not in the wrong
YTA = the writer is in the wrong
Neutral = both sides or neither, or it depends

Verdict:"""


def main(count: int, folder: Path) -> None:
    survey = tomllib.loads((SURVEY / "survey.toml").read_text(encoding="utf-8"))
    files = [tomllib.loads((SURVEY / name).read_text(encoding="utf-8"))["item"]
             for name in survey["item_files"]]
    # One item of every file in turn, so that the rows meet many values.
    items = [item for turn in zip_longest(*files) for item in turn if item]
    with open(folder / "train.jsonl", "w") as train, open(folder / "score.jsonl", "w") as score:
        for number, item in enumerate(items[:count]):
            for instruction in survey["instructions"]:
                for template in survey["templates"]:
                    before, after = template.split("{rating}")
                    prompt = f"{instruction}\n\nStatement:\n{item['statement']}\n\n{before}"
                    rating = str(1 + number % 6)
                    print(json.dumps({"prompt": prompt, "completion": rating + after}), file=train)
                    print(json.dumps({"prompt": prompt, "candidates": list("123456")}), file=score)


def verdicts(folder: Path) -> None:
    with open(folder / "verdicts.jsonl", "w") as out:
        for path in sorted((DATA / "dilemmas").glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines()[1 : 1 + POSTS_PER_VALUE]:
                prompt = QUESTION.replace("{post}", json.loads(line)["post"])
                row = {"prompt": prompt, "candidates": [" NTA", " YTA", " Neutral"]}
                print(json.dumps(row), file=out)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
    verdicts(Path(sys.argv[2]))
