"""Opens connections and asks for names.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)

TRIES = (
    ("import socket; socket.create_connection(('127.0.0.1', 22), 1)", "Permission denied"),
    ("import urllib.request; urllib.request.urlopen('http://127.0.0.1')", "Permission denied"),
    ("import socket; socket.getaddrinfo('localhost', 80)", "Permission denied"),
    ("import socket; socket.socket(socket.AF_UNIX)", "has no attribute 'AF_UNIX'"),
)


def test_it_is_refused(cell: Cells) -> None:
    for source, match in TRIES:
        cell.refused(f"%%python\n{source}", CellException, match)
