"""Fixtures of the tests that go through all processes."""

import pytest

from hypercell.vmm import Cache, Hypervisor


@pytest.fixture
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.getbasetemp() / "cache")


@pytest.fixture
async def hypervisor(cache):
    made = Hypervisor(cache=cache)
    await made.start()
    yield made
    await made.close()
