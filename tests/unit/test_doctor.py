"""The doctor says what is wrong and what to do; progress is lines where there is no terminal."""

import io
import json
import sys
from pathlib import Path

import pytest
from jupyter_core import paths
from rich.console import Console

from hypercell.kernel import doctor
from hypercell.kernel.cli.progress import Steps
from hypercell.kernel.doctor import State, examine
from hypercell.vmm import instruction_sets
from hypercell.vmm.errors import ImageMissing


def checks() -> dict[str, doctor.Check]:
    return {check.name: check for check in examine()}


def test_this_machine_is_fine() -> None:
    found = checks()
    assert list(found) == [
        "machine",
        "kvm",
        "jail",
        "image",
        "cpu",
        "memory",
        "config",
        "cache",
        "toolchains",
        "kernelspec",
    ]
    assert all(
        found[name].state is State.GOOD for name in ("machine", "kvm", "jail", "image", "cpu")
    )


def test_what_is_missing_is_said_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_image() -> Path:
        raise ImageMissing("the guest image is not built", hint="run: make image")

    monkeypatch.setattr(doctor, "image_path", no_image)
    monkeypatch.setenv("HYPERCELL_TOOLCHAINS", str(tmp_path / "none"))
    config = tmp_path / "config.toml"
    config.write_text("[limits]\nmemry = 1\n")
    monkeypatch.setenv("HYPERCELL_CONFIG", str(config))
    found = checks()
    assert (found["image"].state, found["image"].hint) == (State.FAILED, "run: make image")
    assert found["toolchains"].state is State.FAILED
    assert "hypercell toolchain install c" in found["toolchains"].hint
    assert f"{config}:2" in found["config"].text
    assert "memory" in found["config"].hint


def test_an_unusable_cache_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HYPERCELL_CACHE", str(tmp_path / "file" / "below"))
    found = checks()["cache"]
    assert found.state is State.NOTE
    assert "cannot be used" in found.text


@pytest.fixture(name="kernels")
def kernels_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which Jupyter looks for kernels, whatever is installed here."""
    for name in ("ENV_JUPYTER_PATH", "SYSTEM_JUPYTER_PATH"):
        monkeypatch.setattr(paths, name, [])
    for variable in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path / "kernels"


def test_a_kernelspec_that_is_right(kernels: Path) -> None:
    found = checks()["kernelspec"]
    assert (found.state, found.text) == (State.FAILED, "Jupyter does not know the kernel")
    _kernelspec(kernels / "right", sys.executable, "-P")
    found = checks()["kernelspec"]
    assert (found.state, found.text) == (State.GOOD, f"right in {kernels / 'right'}")


def test_a_kernelspec_whose_python_is_gone(kernels: Path) -> None:
    _kernelspec(kernels / "gone", str(kernels / "python"), "-P")
    broken = kernels / "broken"
    broken.mkdir()
    (broken / "kernel.json").write_text("{")
    found = checks()["kernelspec"]
    assert found.state is State.FAILED
    assert found.text == "gone: its Python is gone"
    assert "hypercell install" in found.hint


def test_a_kernelspec_that_imports_from_the_notebooks_directory(kernels: Path) -> None:
    _kernelspec(kernels / "old", sys.executable)
    found = checks()["kernelspec"]
    assert found.state is State.FAILED
    assert found.text == "old: its kernel imports modules that lie beside a notebook"
    assert "hypercell install" in found.hint


def _kernelspec(directory: Path, *command: str) -> None:
    directory.mkdir(parents=True)
    argv = [*command, "-m", "hypercell.kernel", "-f", "{connection_file}"]
    (directory / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "x"}))


def test_too_old_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    old = frozenset({"fpu", "sse2", "pni", "avx", "bmi1"})
    monkeypatch.setattr(instruction_sets, "host_flags", lambda: old)
    found = doctor._cpu()
    assert found.state is State.FAILED
    assert found.text == "without abm, avx2, bmi2, cx16, fma, popcnt, sse4_1, sse4_2, ssse3"


def test_progress_without_a_terminal_is_lines() -> None:
    out = io.StringIO()
    with Steps(Console(file=out)) as steps:
        steps("unpacking", None)
        steps("unpacking", 0.5)
        steps("compiling", 0.1)
    assert out.getvalue() == "unpacking …\ncompiling …\n"
