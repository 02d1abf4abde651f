"""Why something of Python is not in a cell's VM, and what to do: said below the traceback.

The cell chose the words that are looked at; of them only known names are repeated.
"""

from __future__ import annotations

import re
import sys

_THREADS = (
    "a micro-VM has one processor and no threads: call the function itself, or use asyncio "
    "(tasks, gather; asyncio.to_thread calls it in place)"
)
_PROCESSES = (
    "there is no shell, no other program and no second process in a micro-VM: call the function "
    "itself; %run FILE runs a Python file of /home; %languages lists languages"
)
_NETWORK = "a micro-VM has no network: put what you need into /home, with %%file for example"
_SIGNALS = (
    "a VM gets no signals: %%python --timeout SECONDS limits a cell, the stop button interrupts it"
)
_PACKAGE = (
    "cells have Python's standard library; %pip install NAME adds pure-Python packages, where the "
    "owner of this machine grants them"
)
_NATIVE = "{} is not pure Python, and a cell's VM runs no machine code of packages: " + _PACKAGE
_SYSTEM = "{} needs an operating system below Python; a cell's VM has WASI instead"
_SCREEN = "{} needs a screen or a terminal of its own; print, display(), HTML and SVG show things"
_COMPRESSION = "CPython for WASI comes without {}; zlib, gzip and zipfile are there"
_C = "a cell's VM has no libraries of machine code to call: %%c runs C in a cell of its own"
_INPUT = "nobody answers input() here, or the input has ended: %%python --stdin TEXT gives it"
_IPYTHON = (
    "of IPython a cell has get_ipython, display, core.interactiveshell, core.debugger, "
    "lib.pretty and utils.capture"
)
_OPENSSL = "this CPython has no OpenSSL; sha2, sha3, blake2 and hmac are there"
_LOOP = "the event loop runs in cells with an await: await the task, or asyncio.run(main())"
_BROWSER = "a cell opens no web browser: display(HTML(…)) shows a page's text"
_FILES = "this machine's files are not in the micro-VM: a cell has /home and /tmp; see %files"
_WRITABLE = "a cell can write in /home and /tmp only"
_MEMORY = "%limits shows what a cell may use; go through large data piece by piece"

_MODULES = {
    **dict.fromkeys(("ssl", "_ssl"), _NETWORK),
    **dict.fromkeys(("ctypes", "_ctypes"), _C),
    "IPython": _IPYTHON,
    **dict.fromkeys(("bz2", "_bz2", "lzma", "_lzma"), _COMPRESSION),
    "antigravity": _BROWSER,
    **dict.fromkeys(("multiprocessing", "_multiprocessing", "_posixsubprocess"), _PROCESSES),
    **dict.fromkeys(("tkinter", "_tkinter", "turtle", "turtledemo", "idlelib"), _SCREEN),
    **dict.fromkeys(("curses", "_curses", "readline", "msvcrt", "winsound"), _SCREEN),
}
_COMPILED = (
    "numpy pandas scipy matplotlib sklearn seaborn torch tensorflow jax PIL cv2 lxml numba "
    "pyarrow polars h5py psycopg2 statsmodels xgboost pygame gmpy2 cupy skimage shapely"
)
_NO_MODULE = re.compile(r"No module named '([A-Za-z0-9_]{1,40})")
_NO_ATTRIBUTE = re.compile(
    r"module '(os|signal|socket|hashlib|http\.client|smtplib|imaplib|poplib|ftplib)' has no "
    r"attribute '([A-Za-z0-9_]{1,40})'"
)
_NO_IPYTHON = re.compile(r"cannot import name '\w{1,40}' from 'IPython")
_NO_NAME = re.compile(r"cannot import name '([A-Za-z0-9_]{1,40})' from '(compression|concurrent)")
_NO_CODEC = re.compile(r"\b(bz2|lzma) module")
_OF_PROCESSES = re.compile(
    "fork|forkpty|system|pipe2?|kill|killpg|wait|waitpid|getppid|spawn.*|exec.*|posix_spawn.*"
)
_OF_SIGNALS = re.compile("alarm|setitimer|pause|SIGALRM")
_OUT_OF_HOME = re.compile(r"Read-only file system|Operation not permitted: '\.\./")
_OUTSIDE = re.compile(r"directory: '/(?!home/|tmp/)")
_OF_SSL = frozenset({"HTTPSConnection", "SMTP_SSL", "IMAP4_SSL", "POP3_SSL", "FTP_TLS"})
_NO_NETWORK = frozenset({"URLError", "gaierror"})


def advice(name: str, message: str, traceback: str) -> str:
    """A hint about the exception, or nothing."""
    if name == "ModuleNotFoundError":
        return _missing(message)
    if name == "AttributeError" and (found := _NO_ATTRIBUTE.match(message)):
        return _attribute(found[1], found[2])
    if name == "ImportError" and _NO_IPYTHON.match(message):
        return _IPYTHON
    if name == "ImportError" and (found := _NO_NAME.match(message)):
        return _name(found[1], found[2])
    if name == "StdinNotImplementedError" or (
        name == "EOFError" and message == "the end of the input"
    ):
        return _INPUT
    if name == "MemoryError":
        return _MEMORY
    if name in _NO_NETWORK or (name == "PermissionError" and _of_a_socket(message, traceback)):
        return _NETWORK
    if name in ("CompressionError", "RuntimeError") and (found := _NO_CODEC.search(message)):
        return _COMPRESSION.format(found[1])
    if name == "FileNotFoundError" and _OUTSIDE.search(message):
        return _FILES
    if name == "RuntimeError" and "start new thread" in message:
        return _THREADS
    if name == "RuntimeError" and message == "no running event loop":
        return _LOOP
    if name in ("OSError", "PermissionError") and _OUT_OF_HOME.search(message):
        return _WRITABLE
    if name in ("OSError", "NotImplementedError") and _processes(message):
        return _PROCESSES
    return ""


def _missing(message: str) -> str:
    found = _NO_MODULE.match(message)
    top = found[1] if found else ""
    if top in _MODULES:
        return _MODULES[top].format(top)
    if top in _COMPILED.split():
        return _NATIVE.format(top)
    return _SYSTEM.format(top) if top in sys.stdlib_module_names else _PACKAGE


def _attribute(module: str, name: str) -> str:
    if module == "os":
        return _PROCESSES if _OF_PROCESSES.fullmatch(name) else ""
    if module == "signal":
        return _SIGNALS if _OF_SIGNALS.fullmatch(name) else ""
    if module == "hashlib":
        return _OPENSSL if name == "scrypt" else ""
    return _NETWORK if module == "socket" or name in _OF_SSL else ""


def _name(name: str, package: str) -> str:
    if package == "compression":
        return _COMPRESSION.format("zstd") if name == "zstd" else ""
    return _THREADS if name in ("interpreters", "InterpreterPoolExecutor") else ""


def _of_a_socket(message: str, traceback: str) -> bool:
    """A refused file has its name in the message."""
    return "/socket.py" in traceback or message.endswith("Permission denied")


def _processes(message: str) -> bool:
    return "does not support processes" in message or "multiprocessing.synchronize" in message
