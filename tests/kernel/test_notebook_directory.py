"""Jupyter starts a kernel in the directory of the notebook, whose author may have written more."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from real_kernel import start


def test_the_kernel_imports_nothing_from_the_notebooks_directory(
    kernelspec: Path, tmp_path: Path
) -> None:
    """A module of any name that the kernel process could import lies beside the notebook."""
    directory, marker = tmp_path / "notebook", tmp_path / "imported"
    (directory / "hypercell").mkdir(parents=True)
    planted = f"with open({str(marker)!r}, 'a') as file: file.write(__name__ + ' ')\n"
    (directory / "hypercell" / "__init__.py").write_text(planted)
    for name in {*sys.stdlib_module_names, *packages_distributions()} - {"hypercell"}:
        if name.isidentifier():
            (directory / f"{name}.py").write_text(planted)
    client = start(kernelspec, cwd=directory)
    try:
        assert client.run("1 + 1").result == "2"
        assert client.run("%help").error == ""
    finally:
        client.client.stop_channels()
        client.manager.shutdown_kernel(now=True)
    assert not marker.exists(), marker.read_text()
