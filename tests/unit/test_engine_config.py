"""The fingerprint of compiled code changes with everything that shapes it."""

import shutil
from importlib import metadata
from pathlib import Path

import pytest

from hypercell.vmm import engine_config

VMM = Path(engine_config.__file__).parent


@pytest.mark.parametrize(
    "name",
    [
        "engine_config.py",
        "compile_module.py",
        "even_tags.py",
        "wasm_types.py",
        "component_types.py",
    ],
)
def test_a_change_of_what_shapes_code_makes_all_keys_new(name: str, tmp_path: Path) -> None:
    room = tmp_path / "vmm"
    shutil.copytree(VMM, room, ignore=shutil.ignore_patterns("image", "__pycache__"))
    assert engine_config.fingerprint(room) == engine_config.FINGERPRINT
    with (room / name).open("a") as source:
        source.write("\n")
    assert engine_config.fingerprint(room) != engine_config.FINGERPRINT


def test_the_version_in_it_is_the_compilers() -> None:
    assert metadata.version("wasmtime") == engine_config.WASMTIME_VERSION
