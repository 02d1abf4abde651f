"""ipykernel's application, as this kernel uses it."""

from __future__ import annotations

from typing import Any

from ipykernel.kernelapp import IPKernelApp

from hypercell.kernel.kernel import HypercellKernel

_App: Any = IPKernelApp  # it has no usable types


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
