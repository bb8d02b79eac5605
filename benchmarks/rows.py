#!/usr/bin/env python3
"""Survey rows for the benchmarks: the first items of the bundled survey in all 27 variants.

    rows.py ITEMS FOLDER    writes FOLDER/train.jsonl and FOLDER/score.jsonl
"""
import json
import sys
import tomllib
from pathlib import Path

SURVEY = Path(__file__).resolve().parent.parent / "data" / "survey"


def main(count: int, folder: Path) -> None:
    survey = tomllib.loads((SURVEY / "survey.toml").read_text(encoding="utf-8"))
    items = []
    for name in survey["item_files"]:
        # One item of every file in turn, so that the rows meet many values.
        items.append(tomllib.loads((SURVEY / name).read_text(encoding="utf-8"))["item"][0])
    with open(folder / "train.jsonl", "w") as train, open(folder / "score.jsonl", "w") as score:
        for number, item in enumerate(items[:count]):
            for instruction in survey["instructions"]:
                for template in survey["templates"]:
                    before, after = template.split("{rating}")
                    prompt = f"{instruction}\n\nStatement:\n{item['statement']}\n\n{before}"
                    rating = str(1 + number % 6)
                    print(json.dumps({"prompt": prompt, "completion": rating + after}), file=train)
                    print(json.dumps({"prompt": prompt, "candidates": list("123456")}), file=score)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
