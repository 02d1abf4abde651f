"""The magics of a Python cell, which the VM runs: the host knows their names and helps only."""

from __future__ import annotations

LINE_MAGICS = {
    "aimport": "%aimport [NAME, -NAME…]: what %autoreload 1 reloads, and what it never does",
    "autoreload": "%autoreload [0|1|2|now] [-p]: import modules of /home anew when they changed",
    "cd": "%cd [DIRECTORY]: change the working directory; /home at first",
    "env": "%env [NAME[=VALUE]]: show or set variables of the VM's environment",
    "history": "%history [-n]: the cells that ran, with their numbers",
    "ls": "%ls [PATH…]: list files",
    "lsmagic": "%lsmagic: the magics there are",
    "pdoc": "%pdoc OBJECT: its docstring",
    "pinfo": "%pinfo OBJECT, or OBJECT?: signature and docstring",
    "pinfo2": "%pinfo2 OBJECT, or OBJECT??: the same with the source",
    "pprint": "%pprint: lay out values in lines of 79 columns, or no longer",
    "precision": "%precision [N]: how many digits of floats are shown; all, without N",
    "psource": "%psource OBJECT: its source",
    "pwd": "%pwd: the working directory",
    "run": "%run [-i] FILE [WORD…]: run a Python file of /home; its variables stay",
    "time": "%time STATEMENT: run it once and say how long it took",
    "timeit": "%timeit [-n N] [-r R] [-o] [-q] STATEMENT: run it many times, say how long one took",
    "who": "%who [TYPE…]: the names of your variables",
    "who_ls": "%who_ls [TYPE…]: the same as a list",
    "whos": "%whos [TYPE…]: your variables with types and values",
}
CELL_MAGICS = {
    "capture": "%%capture [NAME]: run the cell, keep what it prints in NAME",
    "html": "%%html: show the cell as HTML",
    "latex": "%%latex: show the cell as LaTeX",
    "markdown": "%%markdown: show the cell as Markdown",
    "svg": "%%svg: show the cell as SVG",
    "time": "%%time: run the cell and say how long it took",
    "timeit": "%%timeit [SETUP]: run the cell many times, say how long one took",
}
_NO_SHELL = "there is no shell and no other program in a micro-VM"
_NO_PACKAGES = "it needs packages that a Python cell does not have"
_ONE = "a cell has its variables, the standard library and what is in /home: nothing to load"
ABSENT = {
    "alias": _NO_SHELL,
    "bash": _NO_SHELL,
    "cmd": _NO_SHELL,
    "conda": "%pip, at the top of a cell, installs what the owner grants",
    "config": "there is nothing to configure",
    "cython": "a compiler for it is not there; %%c compiles C",
    "debug": "a cell's VM is gone when it has ended; %undo goes back to the state before it",
    "javascript": "a cell runs nothing in the reader's browser",
    "load_ext": _ONE,
    "matplotlib": "matplotlib is not pure Python; display(), HTML and SVG show pictures",
    "notebook": _NO_PACKAGES,
    "pdb": "a cell's VM is gone when it has ended; %undo goes back to the state before it",
    "perl": _NO_SHELL,
    "pylab": _NO_PACKAGES,
    "reload_ext": _ONE,
    "ruby": _NO_SHELL,
    "script": _NO_SHELL,
    "sh": _NO_SHELL,
    "sx": _NO_SHELL,
    "system": _NO_SHELL,
}
# Those that notebooks begin with out of habit: a warning, and the cell goes on.
IGNORED = frozenset({"config", "load_ext", "matplotlib", "reload_ext"})
