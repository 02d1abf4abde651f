"""``%autoreload``: what cells hold of a module of /home is up to date after a change of it."""

from __future__ import annotations

import pytest
from python_session import (  # noqa: F401 (fixtures)
    fails,
    hypervisor_fixture,
    plain,
    session_fixture,
    value,
)

from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODULE = """
import enum, functools

LIMIT = {n}
class Base:
    def name(self): return "base {n}"
class Shape(Base):
    def name(self): return "{n} " + super().name()
    @property
    def sides(self): return {n}
    def only_{n}(self): return True
class Colour(enum.Enum):
    C{n} = {n}
class Slotted:
    __slots__ = ("s{n}",)
    def number(self): return {n}
def area(factor={n}):
    "Docs {n}."
    return factor
def wrapped(function):
    @functools.wraps(function)
    def inner(): return function() + {n} * 10
    return inner
@wrapped
def decorated(): return {n}
"""
HOLD = """
import mod
from mod import *
from mod import Shape, Colour, Slotted, area, decorated, LIMIT
shape, slotted = Shape(), Slotted()
bound, several = shape.name, [area, decorated]
class Mine(Shape): pass
mine = Mine()
"""
ASK = """
(shape.name(), mine.name(), bound(), Shape().name(), shape.sides, area(), decorated(),
 [f() for f in several], area.__doc__, mod.LIMIT, list(Colour), slotted.number(),
 Slotted().number(), isinstance(shape, mod.Shape), issubclass(Mine, mod.Base), area is mod.area)
"""


def expected(n: int, slotted: int = 1) -> str:
    name = f"{n} base {n}"
    both = [n, n + n * 10]
    return (
        f"({name!r}, {name!r}, {name!r}, {name!r}, {n}, {both[0]}, {both[1]}, {both}, 'Docs {n}.', "
        f"{n}, [<Colour.C{n}: {n}>], {slotted}, {n}, True, True, True)"
    )


async def write(session: Session, n: int) -> None:
    await value(session, f"%%writefile mod.py\n{MODULE.format(n=n)}")


def joined(text: str) -> str:
    return " ".join(text.split())


async def test_all_that_cells_hold_is_up_to_date(session: Session) -> None:
    await write(session, 1)
    await value(session, "%load_ext autoreload\n%autoreload 2")
    await value(session, HOLD)
    for n in (2, 3):
        await write(session, n)
        assert joined(await value(session, ASK)) == expected(n)
    assert await value(session, "hasattr(Shape(), 'only_1'), shape.only_3(), LIMIT") == (
        "(False, True, 1)"
    )
    assert await value(session, "import pickle\npickle.loads(pickle.dumps(shape)).sides") == "3"


async def test_without_it_a_module_is_as_it_was_imported(session: Session) -> None:
    await write(session, 1)
    await value(session, HOLD)
    await write(session, 2)
    assert await value(session, "import mod\nmod.LIMIT, area()") == "(1, 1)"
    result = await session.execute("%autoreload now -p\nmod.LIMIT, area()")
    assert (result.stdout, result.text) == (b"Reloading 'mod'.\n", "(2, 2)")
    await write(session, 3)
    assert await value(session, "mod.LIMIT") == "2"


async def test_a_module_that_cannot_be_imported_is_as_it_was(session: Session) -> None:
    await write(session, 1)
    await value(session, f"%autoreload 2\n{HOLD}")
    for text, error in (("x = = 1", "SyntaxError"), ("def area(): return 5\n1 / 0", "ZeroDiv")):
        await value(session, f"%%writefile mod.py\n{text}")
        result = await session.execute("area(), mod.area()")
        assert result.text == "(1, 1)"
        said = result.stderr.decode()
        assert said.startswith("[autoreload of mod failed: ")
        assert error in said
        assert "python_runtime" not in said
        assert "importlib" not in said
        assert not (await session.execute("area()")).stderr
    await write(session, 4)
    assert await value(session, "area()") == "4"


async def test_some_modules_only(session: Session) -> None:
    for name in ("mod", "other"):
        await value(session, f"%%writefile {name}.py\nx = 1")
    await value(session, "%aimport mod\nimport other\n%autoreload 1")
    for name in ("mod", "other"):
        await value(session, f"%%writefile {name}.py\nx = 2")
    assert await value(session, "mod.x, other.x") == "(2, 1)"
    await value(session, "%aimport -other\n%autoreload all")
    assert await value(session, "other.x") == "1"
    result = await session.execute("%aimport")
    assert result.stdout.decode() == (
        "Modules to reload:\nall of /home mod\n\nModules to skip:\nother\n"
    )
    await value(session, "%undo 2")
    assert await value(session, "%autoreload off\nmod.x, other.x") == "(2, 1)"
    assert "%autoreload takes 0" in plain(await fails(session, "%autoreload 7"))
