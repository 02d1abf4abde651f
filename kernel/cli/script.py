"""``hypercell run FILE`` for a language with an interpreter: the file as a program in its VM."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hypercell.kernel.cli.directories import WORK, Directory
from hypercell.kernel.cli.output import Output
from hypercell.kernel.languages.base import BuildContext, Interpreter
from hypercell.kernel.result import OnStdin
from hypercell.kernel.run import HOME, check_end, quota, writable_mounts
from hypercell.kernel.tar_reader import MAX_NAME
from hypercell.vmm import abi
from hypercell.vmm import commands as c
from hypercell.vmm.errors import ExitStatus
from hypercell.vmm.layer import Layer
from hypercell.vmm.vm import Vm


async def run_script(
    vm: Vm,
    language: Interpreter,
    source: bytes,
    *,
    options: argparse.Namespace,
    context: BuildContext,
    grants: Sequence[Layer],
    directories: Sequence[Directory],
    output: Output,
    on_stdin: OnStdin,
) -> None:
    """Run the file to its end in ``vm``, a fork of the started interpreter.

    ExitStatus for an exit code other than 0; else the CellError or GuestError that ended it.
    """
    path = f"{HOME}/{_file_name(options.file.name, language.suffix)}"
    mounts = [directory.writable for directory in directories]
    work = any(mount.mount == WORK for mount in mounts)
    commands: list[c.Command] = [
        quota(context.limits),
        *(c.Mount("/", number, abi.MOUNT_LAYER) for number in range(len(grants))),
        *writable_mounts(mounts, len(grants)),
        c.PutFile(path, len(grants) + len(mounts)),
        language.script(path, options.program_args, options.env, WORK if work else HOME),
    ]
    replies = await vm.run(
        commands,
        layers=[*grants, *(mount.layer for mount in mounts), Layer.from_bytes(source)],
        limits=context.limits,
        on_output=language.listener(output),
        on_stdin=on_stdin,
    )
    last = replies[-1]
    if not isinstance(last, c.Ok):
        check_end(commands[len(replies) - 1], last, context.limits, vm.usage)
        return
    error = language.ended(last.text)
    if error is None:
        return
    code = language.exit_code(error)
    if code is None:
        raise error
    raise ExitStatus(f"the program ended with exit code {code}", code=code)


def _file_name(name: str, suffix: str) -> str:
    """The name of the file in the guest; another one if the guest could not have it."""
    try:
        usable = len(name.encode()) <= MAX_NAME
    except UnicodeEncodeError:
        usable = False
    return name if usable else f"script{suffix}"
