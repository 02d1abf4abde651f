"""Runs a list of commands on a VM in as many batches as they need, and decodes the replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from hypercell.vmm import abi, codec, deferral
from hypercell.vmm.codec import Place
from hypercell.vmm.commands import (
    Command,
    Export,
    MemoryRead,
    Ok,
    ReadFile,
    Reply,
)
from hypercell.vmm.errors import CellError, InvokeError
from hypercell.vmm.machine import Machine, State
from hypercell.vmm.run_loop import Deferred, Host

Batch: TypeAlias = tuple[Sequence[Command], bytes]
_REPLY_ROOM = abi.REPLY_AREA_SIZE - 0x4_0000


class Batches:
    """For one job. ``code`` and ``layers``: where its files are, for the indices in commands."""

    def __init__(
        self, machine: Machine, host: Host, code: Sequence[Place], layers: Sequence[Place]
    ) -> None:
        self._machine = machine
        self._host = host
        self._code = code
        self._layers = layers

    def run(self, commands: Sequence[Command], suspended: Sequence[Command]) -> list[Reply]:
        """Run commands until one fails or all are done.

        ``suspended``: the batch that stands at a deferred file, if the VM does; it goes on after
        the leading commands on files, and its replies come first.
        """
        replies: list[Reply] = []
        if self._machine.state is State.DEFERRED:
            answer, commands = deferral.split(commands)
            result = self._send(answer)
            if not self._finish(result, suspended, replies):
                return replies
        for batch, data in self._split(commands):
            result = self._machine.run(data, self._host)
            if not self._finish(result, batch, replies):
                break
        return replies

    def run_to_deferred(self, commands: Sequence[Command]) -> list[Reply]:
        """Run until the last command stops at a deferred file; the replies of those before it.

        Raises ``CellError`` when it does not come so far.
        """
        replies = self.run(commands[:-1], ())
        if len(replies) == len(commands) - 1 and all(isinstance(r, Ok) for r in replies):
            result = self._send(commands[-1:])
            if isinstance(result, Deferred):
                return replies
            replies += codec.decode(commands[-1:], result)
        raise CellError(f"the program ended before it opened its deferred file: {replies[-1:]}")

    def _send(self, batch: Sequence[Command]) -> bytes | Deferred:
        return self._machine.run(codec.encode(batch, self._code, self._layers), self._host)

    def _finish(
        self, result: bytes | Deferred, batch: Sequence[Command], replies: list[Reply]
    ) -> bool:
        """Collect the replies of a batch; whether all went well."""
        while isinstance(result, Deferred):  # nobody takes a snapshot here: the file is empty
            result = self._send(())
        answers = codec.decode(batch, result)
        replies += answers
        return len(answers) == len(batch) and all(isinstance(a, Ok) for a in answers)

    def _split(self, commands: Sequence[Command]) -> Iterator[Batch]:
        """Cut where the replies might not fit their area, then where the commands do not."""
        start = room = 0
        for index, command in enumerate(commands):
            size = _reply_size(command)
            if index > start and room + size > _REPLY_ROOM:
                yield from self._fitting(commands[start:index])
                start, room = index, 0
            room += size
        if start < len(commands):
            yield from self._fitting(commands[start:])

    def _fitting(self, commands: Sequence[Command]) -> Iterator[Batch]:
        data = codec.encode(commands, self._code, self._layers)
        if len(data) <= abi.COMMAND_AREA_SIZE:
            yield commands, data
        elif len(commands) > 1:
            middle = len(commands) // 2
            yield from self._fitting(commands[:middle])
            yield from self._fitting(commands[middle:])
        else:
            raise InvokeError(
                f"a {type(commands[0]).__name__} command is over {abi.COMMAND_AREA_SIZE} bytes",
                hint="send less at once",
            )


def _reply_size(command: Command) -> int:
    if isinstance(command, Export | ReadFile):
        return command.max + 0x1000
    return command.length + 0x100 if isinstance(command, MemoryRead) else 0x400
