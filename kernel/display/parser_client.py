"""The kernel process's side of the parser process: started when it is needed, ended when stuck."""

from __future__ import annotations

import asyncio
import subprocess

from hypercell.kernel.display.parser_messages import MAX_TEXT, Kind, Parse, Parsed
from hypercell.kernel.display.refused import Refused
from hypercell.vmm import channel, server_process
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.errors import HypercellError

_SECONDS = 5.0  # for one parse; an honest one takes milliseconds
_START_SECONDS = 20.0
_MODULE = "hypercell.kernel.display.parser"


class Parser:
    """One process, made at the first parse and again after one that had to be ended."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: AsyncChannel[Parsed] | None = None
        self._one = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process is not None else None

    async def parse(self, kind: Kind, text: str) -> Parsed:
        """Safe HTML. Refused: why not."""
        if len(text) > MAX_TEXT:
            raise Refused(f"it has {len(text)} characters, and may have {MAX_TEXT}")
        request = Parse(kind, text.encode("utf-8", "replace").decode())
        await self._one.acquire()
        # Who no longer wants the answer does not take it from the next one.
        asking = asyncio.ensure_future(self._ask(request))
        asking.add_done_callback(self._asked)
        try:
            parsed = await asyncio.shield(asking)
        except TimeoutError:
            raise Refused(f"it takes longer than {self._seconds:g} s to check") from None
        except (HypercellError, OSError) as error:
            raise Refused(f"the process that checks it ended ({error})") from None
        if parsed.problem:
            raise Refused(parsed.problem)
        return parsed

    def _asked(self, asking: asyncio.Future[Parsed]) -> None:
        if asking.cancelled() or asking.exception() is not None:
            self.close()
        self._one.release()

    async def _ask(self, request: Parse) -> Parsed:
        seconds = self._seconds
        if self._channel is None:
            seconds += _START_SECONDS
            self._process, ours = server_process.start(_MODULE)
            self._channel = AsyncChannel(ours, Parsed)
        async with asyncio.timeout(seconds):
            await self._channel.send(request)
            parsed, descriptors = await self._channel.receive()
        channel.close_all(descriptors)
        return parsed

    def close(self) -> None:
        """End the process. The next parse starts another."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
