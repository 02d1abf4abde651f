"""The official WebAssembly spec suite, run inside the VM through the guest's ordinary commands.

Validation is the compiler process's affair: its assertions are compiles that must be refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from spec.excluded import EXCLUDED, EXCLUSIONS
from spec.script import Script
from suites import unpacked

from hypercell.vmm import Cache, Hypervisor

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPTS = 281
HERE = Path(__file__).parent / "spec"
SPECTEST = (HERE / "spectest.wat").read_text()
# Script -> kind of assertion -> how many hold; spec/figures.py writes it.
FIGURES: dict[str, dict[str, int]] = json.loads((HERE / "figures.json").read_text())
# What the suite's own page says of the scripts outside `proposals/` and `legacy/`.
TOTAL = {
    "assert_return": 52_636,
    "assert_trap": 4_923,
    "assert_invalid": 2_712,
    "assert_malformed": 1_940,
    "assert_unlinkable": 200,
    "assert_uninstantiable": 54,
    "assert_exception": 18,
    "assert_exhaustion": 15,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hypervisor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hypervisor]:
    made = Hypervisor(cache=Cache(tmp_path_factory.mktemp("cache")))
    await made.start()
    yield made
    await made.close()


def _scripts() -> dict[str, Path]:
    root = unpacked("wasm-spec", SCRIPTS)
    return {str(path.parent.relative_to(root)): path for path in sorted(root.glob("**/*.json"))}


def _ours() -> list[str]:
    return [name for name in _scripts() if name not in EXCLUDED]


async def test_every_script_is_run_or_excluded_by_name() -> None:
    scripts = _scripts()
    assert len(scripts) == SCRIPTS
    assert set(EXCLUDED) <= set(scripts), "an exclusion of nothing"
    assert set(FIGURES) == set(scripts) - set(EXCLUDED), "a figure for each script that is run"
    assert all(EXCLUDED.values()), "each with its reason"


async def test_exclusions_do_not_grow_unseen() -> None:
    assert len(EXCLUDED) == EXCLUSIONS
    assert all(name.startswith("proposals/") for name in EXCLUDED), "what is no proposal is run"


async def test_nothing_of_the_suite_is_left_out() -> None:
    done = [figures for name, figures in FIGURES.items() if not name.startswith("proposals/")]
    assert sum(map(Counter, done), Counter()) == TOTAL


@pytest.mark.parametrize("name", _ours())
async def test_script(name: str, hypervisor: Hypervisor) -> None:
    spectest = await hypervisor.compile(SPECTEST)
    vm = await hypervisor.acquire()
    try:
        running = Script(_scripts()[name], hypervisor, vm, spectest)
        tally = await running.run()
    finally:
        vm.close()
    assert not tally.failures, "\n".join(tally.failures[:20])
    assert tally.held == running.expected() == FIGURES[name]
