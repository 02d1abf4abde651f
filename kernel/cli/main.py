"""``hypercell``: the command line. Each command is a module beside this one, imported when used."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.cli.parser import build_parser
from hypercell.kernel.safe_text import safe_text
from hypercell.vmm.errors import HypercellError
from hypercell.vmm.host_calls import told


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Errors go to stderr, never as a traceback."""
    _prepare_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    program_args: list[str] = []
    if "--" in words:
        at = words.index("--")
        words, program_args = words[:at], words[at + 1 :]
    parser = build_parser()
    if not words:
        parser.print_help(sys.stderr)
        return Exit.USAGE
    options = parser.parse_args(words)
    options.program_args = program_args
    try:
        with told(f"`hypercell {options.module}` ran"):
            return _run(options)
    except HypercellError as error:
        report(error)
        return Exit.of_program(error) if options.module == "run" else Exit.FAILED
    except KeyboardInterrupt:
        sys.stderr.write("hypercell: interrupted\n")
        return Exit.INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    try:
        command = importlib.import_module(f"hypercell.kernel.cli.{options.module}")
        code = int(command.main(options))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output is gone (`| head`): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    return code


def _prepare_streams() -> None:
    """Standard streams that are closed lead nowhere, and what a terminal lacks is shown escaped."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number, inheritable=True)
                os.close(nowhere)
            setattr(sys, name, open(number, "w" if number else "r"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr is


def report(error: HypercellError) -> None:
    """What happened, then what to do: each on lines of its own on stderr."""
    sys.stderr.write(f"hypercell: {safe_text(error.message) or type(error).__name__}\n")
    if error.hint:
        sys.stderr.write(f"hypercell: hint: {safe_text(error.hint)}\n")


if __name__ == "__main__":
    sys.exit(main())
