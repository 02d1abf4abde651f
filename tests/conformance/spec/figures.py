"""Writes ``figures.json`` from the suite: script -> kind of assertion -> count.

    python tests/conformance/spec/figures.py SUITES/wasm-spec.tar.xz

Run it when the suite changes; the test then compares what holds with it, exactly.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections import Counter
from pathlib import Path

from excluded import EXCLUDED


def main() -> None:
    """Count."""
    found: dict[str, dict[str, int]] = {}
    with tarfile.open(sys.argv[1]) as tar:
        for member in tar:
            path = Path(member.name)
            name = "/".join(path.parent.parts[1:])
            if path.suffix != ".json" or name in EXCLUDED:
                continue
            held = tar.extractfile(member)
            commands = json.load(held)["commands"] if held else []
            kinds = Counter(c["type"] for c in commands if c["type"].startswith("assert_"))
            found[name] = dict(sorted(kinds.items()))
    lines = (f"{json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
    target = Path(__file__).with_name("figures.json")
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
