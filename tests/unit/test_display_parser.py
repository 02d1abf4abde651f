"""The parser process: ended when it takes too long, locked up, and back for the next."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypercell.kernel.display.parser_client import Parser
from hypercell.kernel.display.parser_messages import MAX_TEXT
from hypercell.kernel.display.refused import Refused

SLOW = "<p " + " ".join(f"a{number}" for number in range(400_000)) + ">"  # square of its length


@pytest.fixture
def parser() -> Iterator[Parser]:
    made = Parser()
    yield made
    made.close()


async def test_it_answers(parser: Parser) -> None:
    assert "<b>x</b></div>" in (await parser.parse("html", "<b onclick=y>x")).html
    assert "<h1>x</h1>" in (await parser.parse("markdown", "# x")).html
    assert "data:image/svg" in (await parser.parse("svg", "<svg/>")).html
    assert "do not run" in (await parser.parse("html", "<script>x</script>")).html
    with pytest.raises(Refused, match="XML"):
        await parser.parse("svg", "<svg")


async def test_what_takes_too_long_is_ended_and_the_loop_never_waits() -> None:
    parser = Parser(seconds=1.0)
    await parser.parse("html", "x")
    first = parser.pid
    turns = 0

    async def watch() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    watching = asyncio.create_task(watch())
    with pytest.raises(Refused, match="longer than 1 s"):
        await parser.parse("html", SLOW)
    watching.cancel()
    assert turns > 3  # the parse itself would have held the loop all of the second
    assert ">x</div>" in (await parser.parse("html", "x")).html
    assert parser.pid != first
    parser.close()


async def test_a_parser_that_dies_is_replaced(parser: Parser) -> None:
    await parser.parse("html", "x")
    assert parser.pid is not None
    os.kill(parser.pid, signal.SIGKILL)
    with pytest.raises(Refused, match="ended"):
        await parser.parse("html", "x")
    await parser.parse("html", "x")


async def test_who_gives_up_leaves_the_answer_to_nobody(parser: Parser) -> None:
    await parser.parse("html", "x")
    given_up = asyncio.create_task(parser.parse("html", SLOW[:400_000] + ">"))
    await asyncio.sleep(0.01)
    given_up.cancel()
    assert ">second</div>" in (await parser.parse("html", "second")).html


async def test_text_is_bounded(parser: Parser) -> None:
    with pytest.raises(Refused, match="may have"):
        await parser.parse("html", "x" * (MAX_TEXT + 1))
    assert parser.pid is None


async def test_it_is_locked_up(parser: Parser) -> None:
    await parser.parse("html", "x")
    proc = f"/proc/{parser.pid}"
    status = dict(line.split(":\t", 1) for line in lines(f"{proc}/status") if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == 0
    limits = {line[:25].strip(): line[26:].split()[0] for line in lines(f"{proc}/limits")[1:]}
    assert limits["Max processes"] == "0"
    assert limits["Max file size"] == "0"
    assert limits["Max address space"] != "unlimited"


def lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
