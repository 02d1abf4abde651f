"""The states of a session for real: back and forth, side by side, with /home, within a budget."""

from __future__ import annotations

import asyncio
import os

import pytest
import state_cells
from python_session import fails, hypervisor_fixture, session_fixture, value  # noqa: F401 (fixtures)

from hypercell.kernel import states as module
from hypercell.kernel.errors import UsageError
from hypercell.kernel.session import Session
from hypercell.vmm.vm_snapshot import Snapshot

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_undo_and_redo_step_by_step(session: Session) -> None:
    for number in (1, 2, 3):
        await value(session, f"x = {number}\nopen('/home/f', 'w').write('{number}')")
    await value(session, "%undo 3")
    assert session.home.files() == {}
    for number in (1, 2, 3):
        await value(session, "%redo")
        assert session.home.read("f") == str(number).encode()
    assert await value(session, "x, open('f').read()") == "(3, '3')"
    for wrong in ("%redo", "%redo x", "%redo 0", "%undo 0", "%undo ²"):
        assert isinstance((await fails(session, wrong)).error, UsageError)


async def test_another_cell_ends_redo(session: Session) -> None:
    await value(session, "x = 1")
    await value(session, "x = 2")
    await value(session, "%undo")
    assert await value(session, "x") == "1"
    assert isinstance((await fails(session, "%redo")).error, UsageError)


async def test_lines_go_on_side_by_side(session: Session) -> None:
    await value(session, "x = 1\nopen('/home/f', 'w').write('one')")
    assert "other" in await value(session, "%fork other")
    await value(session, "x += 10\nopen('/home/f', 'w').write('main')")
    await value(session, "%switch other")
    assert await value(session, "x, open('f').read()") == "(1, 'one')"
    await value(session, "x += 100")
    await value(session, "%switch main")
    assert await value(session, "x, open('f').read()") == "(11, 'main')"
    await value(session, "%switch other")
    assert await value(session, "x") == "101"
    table = await value(session, "%snapshots")
    assert "main:" in table
    assert "other:" in table
    for wrong in ("%fork other", "%fork", "%switch nowhere", "%switch", "%fork a b"):
        assert isinstance((await fails(session, wrong)).error, UsageError)
    await value(session, "%reset")
    assert isinstance((await fails(session, "%switch other")).error, UsageError)


async def test_what_others_write_into_home_does_not_pile_up(session: Session) -> None:
    """A state keeps copies of the files, not the tars they came in, however often they change."""
    await value(session, "first = None\nkept = []")
    for number in range(4):
        await session.execute(f"%%file f\n{number}")
        await value(session, "kept.append(open('/home/f'))\nfirst = first or open('/home/f')")
    states = session.states["python"]
    assert states.current.place.layers == ()
    shown = "[file.read() for file in kept], first.read()"
    assert await value(session, shown) == r"(['0\n', '1\n', '2\n', '3\n'], '0\n')"


async def test_without_states_there_is_nothing_to_do(session: Session) -> None:
    for magic in ("%undo", "%redo", "%fork a", "%switch main"):
        assert isinstance((await fails(session, magic)).error, UsageError)


async def test_a_bad_end_leaves_what_was_undone(session: Session) -> None:
    await value(session, "x = 1")
    await value(session, "x = 2")
    await value(session, "%undo")
    await fails(session, "import os\nos.abort()")
    await value(session, "%redo")
    assert await value(session, "x") == "2"


async def test_states_say_when_how_many_pages_and_how_large(session: Session) -> None:
    await value(session, "%%python --name first\nx = 1")
    await value(session, "%%python --name second\nx = b'x' * 1_000_000")
    lines = [line.split() for line in (await value(session, "%snapshots")).splitlines()]
    first = next(line for line in lines if "first" in line)
    second = next(line for line in lines if "second" in line)
    assert second[0] == "→"
    assert first[2] == first[3] != "0", "all pages of the first state are its own"
    whole = 1_000_000 // 4096 - 1  # pages that the bytes fill, wherever they begin
    assert int(second[3]) - int(first[2]) >= whole <= int(second[4])
    assert "states" in await value(session, "%limits")


async def test_a_long_session_keeps_its_budget_and_its_pieces_few(session: Session) -> None:
    await value(session, "x = 0")
    for _ in range(70):
        await value(session, "x += 1")
    await session.settled()
    states = session.states["python"]
    assert states.count == module.HISTORY_COUNT
    assert len(states.current.place.pieces) <= 34  # type: ignore[union-attr]
    assert await value(session, "x") == "70"
    await value(session, f"%undo {module.HISTORY_COUNT - 1}")
    assert int(await value(session, "x")) == 71 - module.HISTORY_COUNT + 1


async def test_large_memory_grows_and_is_kept(session: Session) -> None:
    await value(session, "big = [bytes([n]) * 1_000_000 for n in range(40)]")
    assert await value(session, "sum(b[0] for b in big), len(big[39])") == "(780, 1000000)"
    await value(session, "big[20] = b'x' * 1_000_000")
    assert await value(session, "big[19][5], big[20][999_999], big[21][0]") == "(19, 120, 21)"
    await value(session, "%undo 2")
    assert await value(session, "big[20][0]") == "20"


async def test_cells_at_once_wait_for_each_other(session: Session) -> None:
    await value(session, "seen = []")
    cells = [f"seen.append({n})" for n in range(6)]
    results = await asyncio.gather(*(session.execute(cell) for cell in cells))
    assert not any(result.error for result in results)
    assert await value(session, "sorted(seen)") == "[0, 1, 2, 3, 4, 5]"


async def test_many_cells_with_bad_ends_make_what_the_clean_ones_make(session: Session) -> None:
    """As the same cells do in ordinary CPython. HYPERCELL_CELLS: how many."""
    kinds = await state_cells.run(session, int(os.environ.get("HYPERCELL_CELLS", "120")))
    assert len(kinds) == 4, kinds


async def test_what_a_cell_makes_lies_together(session: Session) -> None:
    """Else its pages, each with a fault and a comparison, are as many as its objects.

    A few may get a place that something else has just left.
    """
    made = await value(
        session,
        "some = [bytearray(n % 500) for n in range(2000)]\n"
        "places = sorted(id(one) for one in some)[20:-20]\nplaces[-1] - places[0]",
    )
    assert int(made) < 4 << 20


async def test_a_warm_up_shows_what_most_cells_write(session: Session) -> None:
    await value(session, "x = 1")
    hypervisor = await session.hypervisor()
    await hypervisor.filled()
    runtime = session.states["python"].runtime.place
    assert isinstance(runtime, Snapshot)
    hot = sum(end - start for start, end in runtime.hot)
    assert 0 < hot < sum(end - start for start, end in runtime.facts.extents)
