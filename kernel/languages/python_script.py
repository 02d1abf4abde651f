"""A Python file as a program: what ``python FILE`` does, as the source of one cell of the runtime.

The cell ends in ``SystemExit`` with the program's exit code; a traceback goes to stderr first.
"""

from __future__ import annotations

from collections.abc import Sequence

_DRIVER = """
def _run(path, name, args, cwd):
    import atexit, os, sys, traceback, types
    os.chdir(cwd)
    sys.argv = [name, *args]
    vars(sys).pop("ps1", None)  # nobody types here
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = path
    code = 0
    try:
        with open(path, "rb") as file:
            text = file.read()
        exec(compile(text, path, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        shown = error.__traceback__
        while shown is not None and shown.tb_frame.f_code is _run.__code__:
            shown = shown.tb_next
        traceback.print_exception(type(error), error, shown)
        code = 1
    try:
        atexit._run_exitfuncs()
    except BaseException:
        pass
    sys.stdout.flush()
    if code is None:
        code = 0
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    raise SystemExit(code & 0xFF)
"""


def source(path: str, name: str, args: Sequence[str], cwd: str) -> str:
    """The cell that runs the file ``path`` of the guest. ``name``: its ``sys.argv[0]``."""
    return f"{_DRIVER}\n_run({path!r}, {name!r}, {list(args)!r}, {cwd!r})"


def exit_code(name: str, message: str) -> int | None:
    """The exit code in the exception that ended the cell; None if it is another one."""
    if name == "SystemExit" and message.isascii() and message.isdigit() and len(message) < 4:
        return int(message) & 0xFF
    return None
