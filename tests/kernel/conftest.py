"""A real kernel over ZeroMQ, and a session without Jupyter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from real_kernel import Client, start

from hypercell.kernel.config import Config
from hypercell.kernel.kernelspec import install
from hypercell.kernel.session import Session


@pytest.fixture(scope="session")
def kernelspec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kernelspec as ``hypercell install`` writes it, and no configuration of the user's."""
    prefix = tmp_path_factory.mktemp("prefix")
    directory = install(prefix=str(prefix))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
        config = tmp_path_factory.mktemp("config") / "config.toml"
        config.write_text("")
        patch.setenv("HYPERCELL_CONFIG", str(config))
        yield directory


@pytest.fixture(scope="module")
def shared(kernelspec: Path) -> Iterator[Client]:
    """One kernel for the tests of a module."""
    client = start(kernelspec)
    yield client
    client.client.stop_channels()
    client.manager.shutdown_kernel(now=False)


@pytest.fixture
def kernel(shared: Client) -> Client:
    """The shared kernel, with /home empty."""
    assert shared.run("%reset").error == ""
    return shared


@pytest.fixture
def own(kernelspec: Path) -> Iterator[Client]:
    """A kernel of the test's own."""
    client = start(kernelspec)
    yield client
    client.client.stop_channels()
    client.manager.shutdown_kernel(now=True)


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    """A session with the default limits."""
    async with Session(Config()) as made:
        yield made
