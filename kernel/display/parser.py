"""The parser process: ``python -m hypercell.kernel.display.parser``.

Parsers of HTML and Markdown are safe, but not quick on purpose-made input: some of it takes them
time that grows with the square of its length. So they run here, where the kernel process can end
them, and with the same layers around them as every process that reads what a cell made.
"""

from __future__ import annotations

import argparse
import resource
import socket

from hypercell.kernel.display.markdown import markdown
from hypercell.kernel.display.parser_messages import Kind, Parse, Parsed
from hypercell.kernel.display.refused import Refused
from hypercell.kernel.display.safe_html import boxed, has_script, pixels, safe_html
from hypercell.kernel.display.safe_html import cost as html_cost
from hypercell.kernel.display.svg import svg_image
from hypercell.vmm import capabilities, filters, jail, landlock, seccomp
from hypercell.vmm.channel import Channel
from hypercell.vmm.errors import WorkerLost

_MEMORY = 512 << 20  # bytes beyond those at the start
_NO_SCRIPTS = "Scripts in this HTML do not run here."


def main() -> None:
    """Serve until the kernel process goes."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--channel", type=int, required=True)
    arguments.add_argument("--parent", type=int, required=True)
    given = arguments.parse_args()
    jail.enter_server(given.parent)
    channel: Channel[Parse] = Channel(socket.socket(fileno=given.channel), Parse)
    for kind, text in (("html", "<p>x"), ("markdown", "*x* $x$"), ("svg", "<svg/>")):
        parse(kind, text)  # type: ignore[arg-type]  # what is imported late is imported now
    _lock()
    try:
        while True:
            request, _ = channel.receive()
            channel.send(_answer(request))
    except WorkerLost:
        return


def parse(kind: Kind, text: str) -> Parsed:
    """Safe HTML. Refused."""
    if kind == "html":
        clean, note = safe_html(text), _NO_SCRIPTS if has_script(text) else ""
        return Parsed(boxed(clean, note), html_cost(clean), pixels(clean))
    clean, taken = markdown(text) if kind == "markdown" else svg_image(text)
    return Parsed(boxed(clean), taken, pixels(clean))


def _answer(request: Parse) -> Parsed:
    try:
        return parse(request.kind, request.text)
    except Refused as error:
        return Parsed(problem=str(error))
    except RecursionError:
        return Parsed(problem="it is nested too deep")
    except MemoryError:
        return Parsed(problem="it takes too much memory")


def _lock() -> None:
    """Nothing is opened, started or sent from here on. A layer may be missing: see isolation."""
    missing = jail.problems()
    capabilities.drop()
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: SIM115
    jail.set_limits(jail.Rlimits(descriptors=32, file_size=0))
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))
    if "landlock" not in missing:
        landlock.restrict(landlock.ruleset())
    if "seccomp" not in missing:
        seccomp.install(seccomp.program(filters.PARSER))


if __name__ == "__main__":
    main()
