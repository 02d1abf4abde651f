"""What must hold after every attack, whatever it was: one place, so that none can forget."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil
from layers import Layer, layer_of

# Nothing of these may ever show in what an attack brings out.
PLANTED = f"planted-{secrets.token_hex(16)}"
_LOOKS_SECRET = (b"root:x:", b"root:*:", b"BEGIN OPENSSH PRIVATE KEY")
# What a session keeps on purpose: compiled code and states, each within bounds of its own.
_KEPT = ("/memfd:hypercell-code", "/memfd:hypercell-snapshot", "/memfd:hypercell-layer")
_PASSING = 120.0  # seconds: so long the session may write to its cache besides
_OF_A_CHILD = ("socket", "anon_inode")  # a channel, and a descriptor of the process


class Aftermath:
    """Counts what this process holds, and gathers what an attack brought out.

    ``allowed``: the layers that may stop it, from the ``STOPPED_BY`` of its file.
    """

    def __init__(self, allowed: Iterable[Layer], directory: Path) -> None:
        self.allowed = frozenset(allowed)
        self.stopped: list[Layer] = []
        self._output: list[bytes] = []
        self._directory = directory
        self._secret = directory / "secret"
        self._secret.write_text(PLANTED)
        self.before = self.held()

    def held(self) -> dict[str, Counter[object]]:
        """Descriptors by kind, processes, files: what a leak or an escape would add to."""
        kinds: Counter[object] = Counter()
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # the one that lists
                kinds[str(entry.readlink()).split(":[")[0]] += 1
        servers = psutil.Process().children()
        for _ in (child for server in servers for child in server.children()):
            for kind in _OF_A_CHILD:  # as many as are parked, which is the pool's business
                kinds[kind] -= 1
        return {
            "descriptors": Counter(
                {k: n for k, n in kinds.items() if not str(k).startswith(_KEPT)}
            ),
            "processes": Counter(server.pid for server in servers),
            "files": Counter(os.listdir(self._directory)),
            "temporary files": Counter(os.listdir(tempfile.gettempdir())),
            "directory": Counter(os.listdir(".")),
        }

    def saw(self, *pieces: bytes | str) -> None:
        """What came out of the attack."""
        for piece in pieces:
            self._output.append(
                piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece
            )

    def ended(self, error: BaseException | None) -> None:
        """How an attack ended; None: without an error."""
        self.stopped.append(layer_of(error))
        if error is not None:
            self.saw(str(error), str(getattr(error, "hint", "")))

    def check_output(self) -> None:
        """No secret came out."""
        said = b"".join(self._output)
        for secret in (PLANTED.encode(), *_LOOKS_SECRET):
            assert secret not in said, secret

    def check_layers(self) -> None:
        """Something was tried, and only the layers that the file names stopped it."""
        assert self.stopped, "the test tried nothing"
        stopped = set(self.stopped) - {Layer.HARMLESS}  # an attack may begin with what is allowed
        assert stopped <= self.allowed, (self.stopped, self.allowed)
        assert stopped or Layer.HARMLESS in self.allowed, "nothing stopped it"

    def check_held(self) -> None:
        """Nothing new is there to stay, and the planted file is as it was."""
        end = time.monotonic() + _PASSING
        while (new := self._new()) and time.monotonic() < end:
            time.sleep(0.05)
        assert not new, new
        assert self._secret.read_text() == PLANTED

    def _new(self) -> dict[str, list[object]]:
        """What is there now and was not before."""
        now = self.held()
        added = {what: list((now[what] - then).elements()) for what, then in self.before.items()}
        return {what: things for what, things in added.items() if things}
