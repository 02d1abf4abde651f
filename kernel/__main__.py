"""``python -m hypercell.kernel -f CONNECTION_FILE``: what Jupyter starts."""

from __future__ import annotations

import sys

from hypercell.kernel.descriptors import LEAST, raise_limit
from hypercell.vmm import server_process


def main() -> None:
    """Run until the front end says shutdown."""
    limit = raise_limit()
    if limit < LEAST:  # its libraries would hang rather than say so
        sys.exit(
            f"hypercell: the limit on open files is {limit}, and a kernel needs {LEAST}\n"
            "hypercell: hint: raise it where Jupyter is started: ulimit -n 1024"
        )
    server_process.start_ahead("hypercell.vmm.zygote", "hypercell.vmm.compiler")
    from hypercell.kernel.application import (
        HypercellApp,  # its libraries take as long as the servers
    )

    HypercellApp.launch_instance()


if __name__ == "__main__":
    main()
