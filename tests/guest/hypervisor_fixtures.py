"""Fixtures of the tests that go through all processes."""

import pytest

from hypercell.vmm import Cache, Hypervisor


@pytest.fixture(name="cache")
def cache_fixture(tmp_path_factory):
    return Cache(tmp_path_factory.getbasetemp() / "cache")


@pytest.fixture(name="hypervisor")
async def hypervisor_fixture(cache):
    made = Hypervisor(cache=cache)
    await made.start()
    yield made
    await made.close()
