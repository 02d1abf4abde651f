"""The official WebAssembly spec suite, run inside the VM through the guest's ordinary commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from spec.script import Script
from suites import unpacked

from hypercell.vmm import Cache, Hypervisor

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Scripts that Wasmtime 48 itself does not pass; the reason stands beside the name.
EXCLUDED: dict[str, str] = {}
SCRIPTS = 257
SPECTEST = (Path(__file__).parent / "spec" / "spectest.wat").read_text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hypervisor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hypervisor]:
    made = Hypervisor(cache=Cache(tmp_path_factory.mktemp("cache")))
    await made.start()
    yield made
    await made.close()


def _scripts() -> list[Path]:
    return sorted(
        path
        for path in unpacked("wasm-spec", SCRIPTS).glob("*/*.json")
        if path.parent.name not in ("proposals", "legacy", *EXCLUDED)
    )


async def test_every_script_is_there() -> None:
    assert len(_scripts()) + len(EXCLUDED) == SCRIPTS


@pytest.mark.parametrize("script", _scripts(), ids=lambda path: path.parent.name)
async def test_script(script: Path, hypervisor: Hypervisor) -> None:
    spectest = await hypervisor.compile(SPECTEST)
    vm = await hypervisor.acquire()
    try:
        running = Script(script, hypervisor, vm, spectest)
        tally = await running.run()
    finally:
        vm.close()
    assert not tally.failures, "\n".join(tally.failures[:20])
    assert (tally.executed, tally.validated) == running.expected()
