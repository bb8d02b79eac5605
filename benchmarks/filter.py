"""Times `zstdcat DUMP | wc -l` and axia's filter stage in turns and prints the table.

    filter.py AXIA DUMP FOLDER
"""
import os
import shutil
import subprocess
import sys
import time

ROUNDS = 3


def measured(command):
    """Seconds and peak memory (MiB) of a command; memory is that of its largest process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, shell=isinstance(command, str), stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{command} failed")
    return seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, output


def main():
    axia, dump, folder = sys.argv[1:]
    rows = {"zstdcat | wc -l": [], "axia, filter stage": []}
    for _ in range(ROUNDS):
        rows["zstdcat | wc -l"].append(measured(f"zstdcat '{dump}' | wc -l"))
        shutil.rmtree(folder, ignore_errors=True)
        command = [axia, "data", "build-dilemmas", dump, "--out", folder, "--filter-only"]
        rows["axia, filter stage"].append(measured(command))
    print(rows["axia, filter stage"][0][3].decode())
    size = os.path.getsize(dump) / 1e6
    print(f"{size:.0f} MB packed, {os.cpu_count()} cores, best of {ROUNDS}\n")
    print("| | seconds | CPU seconds | peak MiB |\n|---|--:|--:|--:|")
    for name, rounds in rows.items():
        seconds, memory, cpu, _ = min(rounds)
        print(f"| {name} | {seconds:.2f} | {cpu:.2f} | {memory:.0f} |")
    peer, ours = (min(rounds)[0] for rounds in rows.values())
    print(f"\n{ours / peer:.2f} times as long")


main()
