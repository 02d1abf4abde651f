"""Starts a server process of ours, with nothing of this one but one end of a channel."""

from __future__ import annotations

import contextlib
import os
import site
import socket
import subprocess
import sys
from pathlib import Path

from hypercell.vmm import channel

DEBUG = "HYPERCELL_DEBUG"  # set: our processes write their defects to stderr
_HERE = Path(__file__).resolve()


_ahead: dict[str, tuple[subprocess.Popen[bytes], socket.socket]] = {}


def start_ahead(*modules: str) -> None:
    """Start servers that ``start`` will be asked for, while this process still imports."""
    for module in modules:
        with contextlib.suppress(OSError):  # then ``start`` says it
            _ahead[module] = _start(module)


def start(module: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process, which runs ``module``, and our end of its channel. Raises ``OSError``."""
    return _ahead.pop(module, None) or _start(module)


def _start(module: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = channel.pair()
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [
                    *(sys.executable, *_isolated(), "-m", module),
                    *("--channel", str(theirs.fileno())),
                    *("--parent", str(os.getpid())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get(DEBUG) else subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={},
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
    return process, ours


def _isolated() -> tuple[str, ...]:
    """-I, but for what it takes to find this package where `pip install --user` put it."""
    theirs = site.ENABLE_USER_SITE and site.getusersitepackages()
    return ("-E", "-P") if theirs and _HERE.is_relative_to(theirs) else ("-I",)
