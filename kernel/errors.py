"""The errors of the notebook.

They hang below the tree of ``vmm/errors.py``::

    HypercellError
    ├── … (see hypercell.vmm.errors)
    ├── UsageError            a magic or an option that is not right: nothing was run
    │   └── LimitRefused      a limit above what the owner allows
    ├── BuildError            the source does not compile; ``diagnostics`` shows where
    ├── CellException         the cell's own exception; ``name`` is that of its class
    ├── GrantMissing          a cell asks for what only the owner's configuration can grant
    ├── PackageError          %pip: pip or the network failed
    │   └── PackageRefused    a package that is not pure Python, not there, or not plain
    ├── FileRefused           a file of /home that cannot be read or written as asked
    ├── ToolchainError
    │   ├── ToolchainMissing  not installed (the hint has the command)
    │   └── ToolchainDamaged  what is on disk is not what the lock file says
    ├── DirectoryNotWritten   a directory of the owner that could not be written as the program did
    └── ConfigError           the owner's configuration file is not right
"""

from __future__ import annotations

from hypercell.vmm.errors import HypercellError


class UsageError(HypercellError):
    """A magic or an option that is not right. Nothing was run."""


class LimitRefused(UsageError):
    """A cell asked for more than the owner's configuration allows."""


class BuildError(HypercellError):
    """The source does not compile.

    ``diagnostics``: the compiler's text, with lines of the notebook cell; it may hold colours
    (SGR) and counts as hostile.
    """

    def __init__(self, message: str, *, diagnostics: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = diagnostics


class CellException(HypercellError):
    """An exception that an interpreted cell raised: a clean end, what ran before it stays.

    ``name``: of its class. ``traceback``: as the interpreter writes it; hostile text.
    """

    def __init__(self, message: str, *, name: str, traceback: str) -> None:
        super().__init__(message)
        self.name = name
        self.traceback = traceback


class GrantMissing(HypercellError):
    """A cell asks for what only the owner's configuration can grant."""


class PackageError(HypercellError):
    """A package could not be had: pip or the network failed."""


class PackageRefused(PackageError):
    """A package that is not pure Python, is not there, or is no plain wheel."""


class FileRefused(HypercellError):
    """A file of ``/home`` cannot be read or written as asked."""


class DirectoryNotWritten(HypercellError):
    """What a program changed in a directory of this machine is not all there."""


class ToolchainError(HypercellError):
    """A language's tools cannot be used."""


class ToolchainMissing(ToolchainError):
    """A toolchain is not installed."""


class ToolchainDamaged(ToolchainError):
    """A toolchain on disk is not what the lock file says."""


class ConfigError(HypercellError):
    """The owner's configuration file is not right."""
