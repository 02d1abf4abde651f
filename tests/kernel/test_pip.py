"""``%pip install`` for real: pip, the index it is configured for, and the session's VMs."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from hypercell.kernel.config import Config, parse_config
from hypercell.kernel.errors import GrantMissing, PackageRefused, UsageError
from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="session")
async def granted_session():
    config = parse_config(b'language = "python"\n[grants]\npackages = ["*"]', Path("c"))
    async with Session(config) as made:
        yield made


async def printed(session: Session, source: str) -> str:
    result = await session.execute(source)
    assert result.ok, result.traceback
    return result.text + result.stdout.decode()


async def test_a_package_is_there_from_then_on(session: Session) -> None:
    assert not (await session.execute("import six")).ok
    assert "no packages" in await printed(session, "%pip list")
    said = await printed(session, "kept = 1\n")
    said = await printed(session, "%pip install six 'tabulate<1'\nimport six, tabulate\nsix.PY3")
    assert "six 1." in said
    assert "tabulate 0." in said
    assert "True" in said
    for name in ("six", "tabulate"):  # what it does is said while it does it
        assert f"Collecting {name}" in said
        assert f"\nDownloading {name}-" in said or f"\nUsing cached {name}-" in said
    text = "print(tabulate.tabulate([[kept, 2]])); import importlib.metadata as m; m.version('six')"
    assert "1  2" in await printed(session, text)
    listed = await printed(session, "%pip list")
    assert "sha256:" in listed
    assert "six" in listed
    assert "already" in await printed(session, "%pip install six")
    # Also where the state is from before, or is another.
    assert "3" in await printed(session, "%reset\nimport six; print(six.PY3 + 2)")
    assert "True" in await printed(session, "%%python --fresh\nimport six; print(six.PY3)")
    assert "/usr/lib/python/site-packages/six.py" in await printed(session, "six.__file__")
    # %undo goes back to a state from before the installation: it stays in effect.
    await printed(session, "%reset\nx = 1")
    await printed(session, "%pip install attrs\nx = 2")
    await printed(session, "%undo")
    assert "1" in await printed(session, "import attr; print(x, attr.__name__)")


async def test_what_is_not_pure_is_named(session: Session) -> None:
    result = await session.execute("%pip install numpy")
    assert isinstance(result.error, PackageRefused)
    assert "numpy is not pure Python" in result.error.message
    result = await session.execute("%pip install hypercell-no-such-package-anywhere")
    assert isinstance(result.error, PackageRefused)
    assert "no package hypercell-no-such" in result.error.message


async def test_without_a_grant_nothing_is_asked_of_the_network() -> None:
    async with Session(Config(language="python", packages=("tabulate",))) as session:
        result = await session.execute("%pip install six")
        assert isinstance(result.error, GrantMissing)
        assert "grants" in result.error.hint
        for text in ("%pip install -r x", "%pip install ./x", "%pip uninstall six", "%pip"):
            result = await session.execute(text)
            assert isinstance(result.error, UsageError), text
