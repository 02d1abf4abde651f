"""``hypercell bench``: run ``benchmarks/`` of the checkout that this package was installed from."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from hypercell.vmm.errors import HypercellError

_CHECKOUT = Path(__file__).resolve().parents[2]


def main(options: argparse.Namespace) -> int:
    """Run them in a process of their own, so that nothing of ours is measured by accident."""
    if not (_CHECKOUT / "benchmarks" / "__main__.py").is_file():
        raise HypercellError(
            "the benchmarks are not part of the installed package",
            hint="clone the repository and run: make bench",
        )
    words = ["--quick"] if options.quick else []
    words += ["--only", options.only] if options.only else []
    return subprocess.run(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-m", "benchmarks", *words], cwd=_CHECKOUT, check=False
    ).returncode
