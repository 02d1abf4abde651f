"""``make fuzz``: every target for its share of the time, each in a process of its own.

Atheris (libFuzzer) where it is installed: coverage says which mutations are worth keeping. Else
mutations alone. What breaks a target is written to its folder of the corpus: tests find it there.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
_DONE = re.compile(rb"Done (\d+) (?:runs|in)|#(\d+)\s+DONE|stat::number_of_executed_units:\s*(\d+)")
_CASE_SECONDS = 10
_MEMORY = 2048  # MiB
_MAX_LENGTH = 8192


def main() -> int:
    """Run all targets, or those that are named; 1 if any broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for all targets together")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    if given.one:
        _one(given.one, given.seconds)
        return 0
    from targets import TARGETS

    names = given.names or [target.name for target in TARGETS]
    share = max(1, given.seconds // len(names))
    broken = []
    for name in names:
        command = [sys.executable, __file__, "--one", name, "--seconds", str(share)]
        run = subprocess.run(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, check=False)
        counts = [int(next(filter(None, found))) for found in _DONE.findall(run.stdout)]
        print(f"{name:24} {max(counts, default=0):10,} cases in {share} s", flush=True)
        if run.returncode:
            broken.append(name)
            print(run.stdout.decode("utf-8", "replace")[-4000:])
    print(f"broken: {', '.join(broken)}" if broken else "no target broke")
    return bool(broken)


def _one(name: str, seconds: int) -> None:
    try:
        import atheris
    except ImportError:
        _mutations(name, seconds)
        return
    from target import CORPUS

    with atheris.instrument_imports(include=["hypercell", "elftools"]):
        from targets import TARGETS
    target = next(target for target in TARGETS if target.name == name)
    kept = CORPUS / name
    grown = HERE.parents[1] / "build" / "fuzz" / name  # what libFuzzer found interesting
    grown.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (grown / f"seed-{number}").write_bytes(seed)
    kept.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={_CASE_SECONDS}",
        f"-rss_limit_mb={_MEMORY}",
        f"-max_len={max(_MAX_LENGTH, *(len(seed) for seed in target.seeds))}",
        f"-artifact_prefix={kept}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(grown), str(kept)], target)
    atheris.Fuzz()


def _mutations(name: str, seconds: int) -> None:
    from target import CORPUS, mutate
    from targets import TARGETS

    target = next(target for target in TARGETS if target.name == name)
    pool = [*target.seeds, *target.kept()]
    rng, until, count = random.Random(), time.monotonic() + seconds, 0  # noqa: S311
    while time.monotonic() < until:
        data = mutate(rng.choice(pool), rng, pool)
        try:
            target(data)
        except BaseException:
            folder = CORPUS / name
            folder.mkdir(exist_ok=True)
            (folder / f"crash-{time.time_ns():x}").write_bytes(data)
            raise
        count += 1
    print(f"Done {count} runs")


if __name__ == "__main__":
    sys.exit(main())
