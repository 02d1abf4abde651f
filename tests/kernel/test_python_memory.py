"""What a Python cell writes to: the next one waits until all of that has been looked through."""

from __future__ import annotations

import pytest
from python_session import hypervisor_fixture, session_fixture, value  # noqa: F401 (fixtures)

from hypercell.kernel.session import Session
from hypercell.vmm import abi, delta
from hypercell.vmm.session_state import SessionState

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNIT_PAGES = abi.HUGE // abi.PAGE
CELLS = 6


async def changed(session: Session, cell: str) -> set[tuple[int, int]]:
    """(arena, page) that a cell changed, and those that are kept with them."""
    await value(session, cell)
    await session.settled()
    place = session.states["python"].current.place
    assert isinstance(place, SessionState)
    last = len(place.pieces) - 1
    runs = [(part.first, part.end) for part in place.index if part.piece == last]
    return {delta.place_of(number) for first, end in runs for number in range(first, end)}


async def test_a_small_cell_changes_little_memory_in_few_places(session: Session) -> None:
    """Without ``python_runtime/compact.py`` and ``immortal.py`` it is 16 units and more."""
    await value(session, "x = 0")
    for _ in range(CELLS):
        pages = await changed(session, "x += 1")
    assert len(pages) < 120
    units = {page // UNIT_PAGES for arena, page in pages if arena == 1}
    assert len(units) <= 3


async def test_states_do_not_leave_a_piece_each(session: Session) -> None:
    """Else every cell maps them all to find out what it changed; without this rule there are 21."""
    await value(session, "y = 0")
    for number in range(20):
        await value(session, f"y += 1\nkept_{number} = [y] * 1000")
    await session.settled()
    place = session.states["python"].current.place
    assert isinstance(place, SessionState)
    assert len(place.pieces) <= 8
    await value(session, "%undo 7")
    assert await value(session, "y, [kept_0[0], kept_12[999]], 'kept_13' in globals()") == (
        "(13, [1, 13], False)"
    )


async def test_objects_of_the_start_are_not_counted(session: Session) -> None:
    for name in ("json.dumps", "json", "re.Pattern", "collections.OrderedDict"):
        count = await value(session, f"import json, re, collections, sys\nsys.getrefcount({name})")
        assert int(count) >= 1 << 28, name


async def test_objects_of_cells_are_counted_and_freed(session: Session) -> None:
    await value(session, "import sys, weakref\nclass A: pass\na = A()\nr = weakref.ref(a)")
    assert await value(session, "b = [a, a]; sys.getrefcount(a)") == "4"
    assert await value(session, "del a, b; r() is None") == "True"


async def test_nobody_has_the_random_stream_of_the_start(session: Session) -> None:
    """``random`` has a generator of its own since; whoever had a method of the old one, too."""
    cell = (
        "import random, sys, gc\n"
        "known = {id(random._inst)}\n"
        "[(name, key) for name, module in sys.modules.items() for key, it in vars(module).items()\n"
        " if type(getattr(it, '__self__', None)) is random.Random "
        "and id(it.__self__) not in known]"
    )
    assert await value(session, cell) == "[]"
    assert (
        await value(session, "random.seed(7); random._inst.random() == random.Random(7).random()")
        == "True"
    )
