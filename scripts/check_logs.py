"""A run's logs, read by the programs they are for.

    axia run … --tensorboard --out RUN
    axia export RUN --inspect LOGS
    python scripts/check_logs.py RUN LOGS

Run by hand with a Python that has tensorboard and inspect_ai.
"""

import json
import sys
from pathlib import Path

from inspect_ai.log import list_eval_logs, read_eval_log
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def close(a, b):
    return abs(a - b) <= 1e-6 * max(1, abs(b))


def main():
    run, logs = map(Path, sys.argv[1:3])
    for folder in sorted((run / "tensorboard").iterdir()):
        events = EventAccumulator(str(folder))
        events.Reload()
        lines = (run / f"training/{folder.name}.metrics.jsonl").read_text().splitlines()
        steps = [line for line in map(json.loads, lines) if line["kind"] == "step"]
        losses = events.Scalars("train/loss")
        assert [event.step for event in losses] == [step["step"] for step in steps], folder
        assert all(close(e.value, s["loss"]) for e, s in zip(losses, steps)), folder
        print(f"{folder.name}: {len(losses)} steps, {sorted(events.Tags()['scalars'])}")
    listed = list_eval_logs(str(logs))
    assert len(listed) == len(list(logs.glob("*.json"))), "not every log is listed"
    for info in listed:
        log = read_eval_log(info)
        assert log.status == "success" and len(log.samples) == log.results.total_samples
        header = read_eval_log(info, header_only=True)
        assert header.eval.task_id == log.eval.task_id
        score = log.results.scores[0]
        names = list(score.metrics)
        print(f"{log.eval.task} {log.eval.model}: {len(log.samples)} samples, {score.name} {names[:3]}")


if __name__ == "__main__":
    main()
