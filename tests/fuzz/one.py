"""``python one.py NAME SECONDS``: one target; with atheris where it is, else mutations alone.

What breaks it is written to its folder of the corpus.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from target import CORPUS, Target, mutate

HERE = Path(__file__).parent
for room in ("hostile", "guest", "unit"):  # as pyproject.toml has it for pytest
    sys.path.append(str(HERE.parent / room))

_CASE_SECONDS = 10
_MEMORY = 2048  # MiB
_MAX_LENGTH = 8192


def _with_coverage(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["hypercell", "elftools"]):
        from targets import TARGETS
    target = _named(TARGETS, name)
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
    from targets import TARGETS

    target = _named(TARGETS, name)
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
            print(f"Done {count} runs")
            raise
        count += 1
    print(f"Done {count} runs")


def _named(targets: tuple[Target, ...], name: str) -> Target:
    return next(target for target in targets if target.name == name)


if __name__ == "__main__":
    try:
        import atheris  # noqa: F401
    except ImportError:
        _mutations(sys.argv[1], int(sys.argv[2]))
    else:
        _with_coverage(sys.argv[1], int(sys.argv[2]))
