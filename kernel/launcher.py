"""Starts the kernel: ``python -m hypercell.kernel -f CONNECTION_FILE``."""

from __future__ import annotations

import resource
import sys
from typing import Any

from ipykernel.kernelapp import IPKernelApp

from hypercell.kernel.kernel import HypercellKernel

_App: Any = IPKernelApp  # it has no usable types
_LEAST, _PLENTY = 128, 4096  # descriptors: an idle kernel has 80, some of each library it uses


class HypercellApp(_App):  # type: ignore[misc]
    """ipykernel's application without what only IPython needs."""

    name = "hypercell"
    kernel_class = HypercellKernel
    outstream_class = None  # nothing is printed here; the streams of cells do not pass stdout

    # No profile in the user's home, and no configuration that is Python and would be run.
    def init_profile_dir(self) -> None:
        """IPython's profiles are IPython's."""
        self.profile_dir = None

    def init_config_files(self) -> None:
        """See ``init_profile_dir``."""

    def load_config_file(self, suppress_errors: bool = True) -> None:
        """See ``init_profile_dir``."""

    def init_path(self) -> None:
        """IPython's would add the notebook's directory, in which nothing of ours lies."""

    def init_pdb(self) -> None:
        """There is no Python to debug."""


def main() -> None:
    """Run until the front end says shutdown."""
    limit = _raise_limit()
    if limit < _LEAST:  # its libraries would hang rather than say so
        sys.exit(
            f"hypercell: the limit on open files is {limit}, and a kernel needs {_LEAST}\n"
            "hypercell: hint: raise it where Jupyter is started: ulimit -n 1024"
        )
    HypercellApp.launch_instance()


def _raise_limit() -> int:
    """Allow this process as many descriptors as it may have, if it may; how many."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (sys.maxsize if n == resource.RLIM_INFINITY else n for n in limits)
    wanted = min(hard, _PLENTY)
    if soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limits[1]))
    return wanted
