"""The kernelspec: how Jupyter finds and starts the kernel."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hypercell.kernel.errors import UsageError
from hypercell.vmm.errors import HypercellError

NAME = "hypercell"
DISPLAY_NAME = "Hypercell"
RESOURCES = Path(__file__).resolve().parent / "resources"
LOGOS = ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg")


def kernel_json(display_name: str = DISPLAY_NAME) -> dict[str, Any]:
    """The content of ``kernel.json``, for the Python that runs now."""
    return {
        # -P: Jupyter starts it in the notebook's directory, from which nothing may be imported.
        "argv": [sys.executable, "-P", "-m", "hypercell.kernel", "-f", "{connection_file}"],
        "display_name": display_name,
        "language": "python",
        # A signal would reach the processes of the VMs as well; a message reaches the kernel only.
        "interrupt_mode": "message",
        "metadata": {"debugger": False},
    }


def install(*, user: bool = False, prefix: str | None = None, name: str = NAME) -> Path:
    """Write the kernelspec and return its directory; an older one of that name is replaced.

    ``user``: for this user; ``prefix``: below ``prefix/share/jupyter``; neither: system-wide.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    display = DISPLAY_NAME if name == NAME else f"{DISPLAY_NAME} ({name})"
    with tempfile.TemporaryDirectory() as directory:
        spec = Path(directory)
        (spec / "kernel.json").write_text(json.dumps(kernel_json(display), indent=1) + "\n")
        for logo in LOGOS:
            if (RESOURCES / logo).is_file():
                shutil.copy(RESOURCES / logo, spec)
        try:
            target = KernelSpecManager().install_kernel_spec(
                directory, kernel_name=name, user=user, prefix=prefix
            )
        except ValueError as error:
            raise UsageError(str(error), hint="use letters, digits, '.', '-' and '_'") from error
        except OSError as error:
            raise HypercellError(
                f"the kernelspec cannot be written: {error.strerror}: {error.filename}",
                hint="choose another place: --user, --sys-prefix or --prefix DIR",
            ) from error
    return Path(target)


def installed() -> dict[str, tuple[Path, list[str]]]:
    """Kernelspecs of Hypercell that Jupyter sees from here: name -> directory, command line."""
    from jupyter_client.kernelspec import KernelSpecManager

    found = {}
    for name, directory in KernelSpecManager().find_kernel_specs().items():
        try:
            spec = json.loads((Path(directory) / "kernel.json").read_bytes())
            argv = [str(word) for word in spec["argv"]]
            if "hypercell.kernel" in argv:
                found[name] = (Path(directory), argv)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # somebody else's broken kernelspec
    return found
