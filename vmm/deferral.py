"""How a job answers a deferred file: with its leading commands on files."""

from __future__ import annotations

from collections.abc import Sequence

from hypercell.vmm.commands import Command, Defer, Mount, PutFile, Quota

_ON_FILES = (Mount, PutFile, Quota, Defer)  # all that the guest takes there


def split(commands: Sequence[Command]) -> tuple[Sequence[Command], Sequence[Command]]:
    """The commands that answer a deferred file, and the rest."""
    for index, command in enumerate(commands):
        if not isinstance(command, _ON_FILES):
            return commands[:index], commands[index:]
    return commands, ()
