"""``hypercell install``: make the kernel known to Jupyter."""

from __future__ import annotations

import argparse
import sys

from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.kernelspec import install


def main(options: argparse.Namespace) -> int:
    """Write the kernelspec and say where."""
    prefix = sys.prefix if options.sys_prefix else options.prefix
    print(install(user=options.user, prefix=prefix, name=options.name))
    return Exit.OK
