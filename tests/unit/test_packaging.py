"""The wheel: everything that the tree has, the guest image, and it works where no checkout is."""

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = {".txt", ".json", ".png", ".svg", ".css"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(target), str(ROOT)], check=True, timeout=600)
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_has_every_file_and_the_image(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-linux_x86_64.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        image = archive.read("hypercell/vmm/image/hypercell-guest")
    assert image.startswith(b"\x7fELF")
    for room in ("kernel", "vmm"):
        for path in (ROOT / room).rglob("*"):
            if path.suffix == ".py" or path.suffix in DATA:
                assert f"hypercell/{path.relative_to(ROOT).as_posix()}" in inside
    assert "hypercell/__init__.py" not in inside
    assert not any(name.endswith((".rs", ".pyc")) for name in inside)


def test_the_installed_wheel_needs_no_checkout(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    # The dependencies are those of this environment; its editable finder stays behind.
    site = tmp_path / "env" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    code = "from hypercell.vmm.image_path import image_path; print(image_path())"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.strip() == str(site / "hypercell/vmm/image/hypercell-guest"), found.stderr
    command = tmp_path / "env" / "bin" / "hypercell"
    done = subprocess.run(
        [command, "install", "--sys-prefix"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "env/share/jupyter/kernels/hypercell/kernel.json").is_file()


def test_the_sdist_can_build_the_image(tmp_path: Path) -> None:
    code = "import build_backend, sys; print(build_backend.build_sdist(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
    )
    (found,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "guest/.cargo/remap-paths",
        "guest/Cargo.lock",
        "guest/image/src/main.rs",
        "scripts/build_backend.py",
    } <= inside
    assert not any(name.startswith("guest/target") for name in inside)
