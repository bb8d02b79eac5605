"""Prints what runs found on validation items, as a Markdown table: a row for each steered adapter, at
the scale it was trained at and at the one that was chosen.

    python scripts/frontier_table.py RUN [RUN ...]

Reads `frontier/*.json` and `manifest.json` of each run's folder. Held-out items have no part in it.
"""

import json
import sys
from pathlib import Path


def interval(estimate):
    value, low, high = (estimate[end] for end in ("value", "low", "high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")


def percent(estimate):
    return f"{100 * estimate['value']:+.1f} %".replace("-", "−")


def row(run, frontier):
    points = {point["scale"]: point for point in frontier["points"]}
    chosen = points[frontier["scale"]]
    cells = [run.name, frontier["respondent"]]
    for point in (points[1.0], chosen):
        cells += [interval(point["selectivity"]), percent(point["perplexity_rise"])]
    cells.insert(4, f"×{frontier['scale']:g}")
    return "| " + " | ".join(cells) + " |"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print("| run | adapter | selectivity ×1 | perplexity ×1 | chosen | selectivity | perplexity |")
    print("|---|---|---|---|---|---|---|")
    for folder in map(Path, sys.argv[1:]):
        for file in sorted(folder.glob("frontier/*.json")):
            print(row(folder, json.loads(file.read_text())))


if __name__ == "__main__":
    main()
