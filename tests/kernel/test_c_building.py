"""Several files, what is found again, and that objects are the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest
from c_session import context, empty_session, plain, printed, run, start_session, write  # noqa: F401 - two are fixtures

from hypercell.kernel.errors import BuildError
from hypercell.kernel.home import Home
from hypercell.kernel.languages.base import BuildContext, Cell, Options
from hypercell.kernel.languages.c import LANGUAGE
from hypercell.kernel.languages.clang import build, commands, flags
from hypercell.kernel.languages.clang.tools import Tools
from hypercell.kernel.session import Session
from hypercell.vmm.cache import Cache
from hypercell.vmm.program import Limits

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_several_sources_and_headers(session: Session) -> None:
    await write(
        session,
        util_h="int twice(int);\n",
        util_c='#include "util.h"\nint twice(int x) { return 2 * x; }\n',
        lib__more_c='#include "../util.h"\nint more(int x) { return twice(x) + 1; }\n',
    )
    source = '#include "util.h"\nint more(int);\nprintf("%d", more(3));'
    assert await printed(session, source, "--add util.c --add lib/more.c") == "7"
    assert await printed(session, '#include <util.h>\nputs("found");', "-I .") == "found\n"


async def test_files_of_home_are_found_from_the_second_time_on_too(session: Session) -> None:
    for number in range(3):
        await write(session, inc__own_h=f"#define OWN {number}\n", own2_h="#define TWO 2\n")
        found = f'#include <own.h>\nprintf("%d %d %d", OWN, TWO, {number});'
        options = "-I inc -include own2.h"
        assert await printed(session, found, options) == f"{number} 2 {number}"
        quoted = f'#include <stdio.h>\n#include "inc/own.h"\nprintf("%d %d", OWN, {number});'
        for options in ("", "-Wall"):  # with a stub and without
            assert await printed(session, quoted, options) == f"{number} {number}"
        await Tools.of(await session.hypervisor()).prepared()


async def test_main_may_be_in_another_source(session: Session) -> None:
    await write(session, prog_c="int answer(void);\nint main(void) { return answer(); }\n")
    result = await run(session, "int answer(void) { return 3; }", "--add prog.c")
    assert result.exit_code == 3


async def test_objects_and_libraries_of_home(session: Session) -> None:
    ctx = await context(session)
    made = await build.unit(ctx, "twice.c", b"int twice(int x) { return 2 * x; }", flags.parse([]))
    session.home.write("twice.o", made.object, Limits())
    source = 'int twice(int);\nprintf("%d", twice(4));'
    assert await printed(session, source, "--add twice.o") == "8"
    session.home.write("lib/libtwice.a", archive("twice.o", made.object), Limits())
    assert await printed(session, source, "-L lib -l twice") == "8"


def archive(name: str, data: bytes) -> bytes:
    """An ar archive without an index, as ``ar rcS`` makes it."""
    header = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(data):<10}`\n".encode()
    return b"!<arch>\n" + header + data + b"\n" * (len(data) % 2)


@pytest.mark.parametrize("name", ["nope.c", "util.h", "../x.c", "/etc/passwd"])
async def test_add_takes_sources_of_home(session: Session, name: str) -> None:
    await write(session, util_h="int x;\n")
    result = await run(session, 'puts("a");', f"--add {name}")
    assert result.error is not None
    assert name.rpartition("/")[2] in result.error.message


async def test_home_can_be_embedded(session: Session) -> None:
    await write(session, data_t="embedded")
    source = 'static const char text[] = {\n#embed "data.t"\n, 0};\nputs(text);'
    assert await printed(session, source, "-std=c23") == "embedded\n"
    binary = (
        '__asm__(".section .rodata.x,\\"\\",@\\nblob:\\n"'
        '".incbin \\"/home/data.t\\"\\n.size blob, 8\\n");'
    )
    result = await run(session, f"{binary}\nint main(void) {{ return 0; }}")
    assert result.ok, plain(result.traceback)


class Counting:
    """Counts the runs of the compiler and the linker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        original = Tools.run

        async def counted(
            tools: Tools, ctx: BuildContext, begin: object, *rest: object, **more: object
        ) -> object:
            self.lines.append(begin.line[0])  # type: ignore[attr-defined]
            return await original(tools, ctx, begin, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(Tools, "run", counted)

    def taken(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


async def test_what_was_built_is_found_again(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await printed(session, 'puts("start");')
    cache = Cache(tmp_path / "cache")
    home = Home()
    home.write("util.h", b"#define N 1\n", Limits())
    home.write("util.c", b"int util(void) { return 1; }\n", Limits())
    count = Counting(monkeypatch)
    options = Options(add=("util.c",))
    cell = Cell('#include "util.h"\nint util(void);\nreturn N + util();', "c", options, 2, "cell 1")
    ctx = await context(session, cache, home)

    first = await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang", "clang", "wasm-ld"]
    again = await LANGUAGE.build(cell, ctx)
    assert count.taken() == []
    assert again.wasm == first.wasm
    assert again.code.key == first.code.key

    home.write("other.txt", b"x", Limits())
    await LANGUAGE.build(cell, ctx)
    assert count.taken() == []
    home.write("util.h", b"#define N 2\n", Limits())
    changed = await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang", "wasm-ld"]
    assert changed.wasm != first.wasm
    home.write("util.c", b"int util(void) { return 2; }\n", Limits())
    await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang", "wasm-ld"]
    home.write("sub/util.h", b"", Limits())  # could be found first, with other flags
    await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang"]
    cache.close()


async def test_a_text_that_looks_for_files_depends_on_all_of_home(
    session: Session, tmp_path: Path
) -> None:
    await printed(session, 'puts("start");')
    cache, home = Cache(tmp_path / "cache"), Home()
    cell = Cell('#if __has_include("x.h")\nreturn 1;\n#else\nreturn 0;\n#endif', "c")
    ctx = await context(session, cache, home)
    before = await LANGUAGE.build(cell, ctx)
    home.write("x.h", b"", Limits())
    assert (await LANGUAGE.build(cell, ctx)).wasm != before.wasm
    cache.close()


async def test_objects_are_the_same_each_time_and_each_way(session: Session) -> None:
    await printed(session, 'puts("start");')
    ctx, chosen = await context(session), flags.parse(["-DDETERMINISM"])
    source = b'#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); return 0; }\n'
    cold = await build.unit(ctx, commands.CELL, source, chosen)
    await Tools.of(ctx.hypervisor).prepared()
    begun = [await build.unit(ctx, commands.CELL, source, chosen) for _ in range(3)]
    assert {unit.object for unit in (cold, *begun)} == {cold.object}
    linked = [await build.link(ctx, [cold], chosen)]
    await Tools.of(ctx.hypervisor).prepared()
    linked += [await build.link(ctx, [cold], chosen) for _ in range(3)]
    assert len({one.wasm for one in linked}) == 1


async def test_errors_are_the_same_from_a_snapshot(session: Session) -> None:
    await printed(session, 'puts("start");')
    ctx, chosen = await context(session), flags.parse(["-DERRORS"])
    good = b'#line 2 "cell"\n#include <stdio.h>\nint main(void) { return 0; }\n'
    bad = b'#line 2 "cell"\n#include <stdio.h>\nint main(void) { return x; }\n'
    messages = []
    for source in (bad, good, bad):
        try:
            await build.unit(ctx, commands.CELL, source, chosen)
        except BuildError as error:
            messages.append(error.diagnostics)
        await Tools.of(ctx.hypervisor).prepared()
    assert len(messages) == 2
    assert messages[0] == messages[1]
    assert "cell:3:25:" in plain(messages[0])
