"""Toolchains: compilers that are WebAssembly, pinned by ``toolchains.lock.json``.

::

    list_toolchains()          every toolchain of the lock file, with its status
    status(name)               one of them
    install(name, progress)    download, verify, unpack, compile; blocking, a minute or two
    remove(name)               delete its files

Only the owner installs: nothing here is reachable from a cell.
"""

from hypercell.kernel.toolchains.api import (
    Progress,
    ToolchainStatus,
    install,
    list_toolchains,
    remove,
    status,
)

__all__ = ["Progress", "ToolchainStatus", "install", "list_toolchains", "remove", "status"]
