"""Opens connections and asks for names.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.WASI, Layer.WASM)


TRIES = (
    "import socket; socket.create_connection(('127.0.0.1', 22), 1)",
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1')",
    "import socket; socket.getaddrinfo('localhost', 80)",
    "import socket; socket.socket(socket.AF_UNIX)",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python \n{source}").error
        assert isinstance(error, (CellException, Trap)), source
