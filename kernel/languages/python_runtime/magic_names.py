"""The magics of a Python cell, which the VM runs: the host knows their names and helps only."""

from __future__ import annotations

LINE_MAGICS = {
    "aimport": "%aimport [NAME, -NAME…]: what %autoreload 1 reloads, and what it never does",
    "autoreload": "%autoreload [0|1|2|now] [-p]: import modules of /home anew when they changed",
    "cd": "%cd [DIRECTORY]: change the working directory; /home at first",
    "debug": "%debug: the debugger (pdb), where the last exception was raised",
    "env": "%env [NAME[=VALUE]]: show or set variables of the VM's environment",
    "hist": "%hist: the same as %history",
    "history": "%history [-n] [-l N] [FIRST-LAST…]: the cells that ran, with their numbers",
    "ls": "%ls [PATH…]: list files",
    "lsmagic": "%lsmagic: the magics there are",
    "pdoc": "%pdoc OBJECT: its docstring",
    "pinfo": "%pinfo OBJECT, or OBJECT?: signature and docstring",
    "pinfo2": "%pinfo2 OBJECT, or OBJECT??: the same with the source",
    "pprint": "%pprint: lay out values in lines of 79 columns, or no longer",
    "precision": "%precision [N]: how many digits of floats are shown; all, without N",
    "prun": "%prun [-s KEY] [-l N] [-r] [-q] STATEMENT: run it and say which functions took long",
    "psource": "%psource OBJECT: its source",
    "pwd": "%pwd: the working directory",
    "run": "%run [-i] FILE [WORD…]: run a Python file of /home; its variables stay",
    "set_env": "%set_env NAME VALUE: the same as %env",
    "tb": "%tb: the traceback of the last exception, again",
    "time": "%time STATEMENT: run it once and say how long it took",
    "timeit": "%timeit [-n N] [-r R] [-o] [-q] STATEMENT: run it many times, say how long one took",
    "who": "%who [TYPE…]: the names of your variables",
    "who_ls": "%who_ls [TYPE…]: the same as a list",
    "whos": "%whos [TYPE…]: your variables with types and values",
}
CELL_MAGICS = {
    "HTML": "%%HTML: the same as %%html",
    "SVG": "%%SVG: the same as %%svg",
    "capture": "%%capture [NAME]: run the cell, keep what it prints and shows in NAME",
    "html": "%%html: show the cell as HTML",
    "latex": "%%latex: show the cell as LaTeX",
    "markdown": "%%markdown: show the cell as Markdown",
    "prun": "%%prun [OPTIONS]: run the cell and say which functions took long",
    "svg": "%%svg: show the cell as SVG",
    "time": "%%time: run the cell and say how long it took",
    "timeit": "%%timeit [SETUP]: run the cell many times, say how long one took",
}
_NO_SHELL = "there is no shell and no other program in a micro-VM"
_NO_PACKAGES = "it needs packages that a Python cell does not have"
_ONE = "a cell has its variables, the standard library and what is in /home: nothing to load"
_FILES = "pathlib, os and shutil handle files; %files, %cat and %rm stand at the top of a cell"
_NOTEBOOK = "a cell does not write into the notebook: %cat FILE shows a file, %run FILE runs it"
_LASTING = (
    "nothing of a session outlives its kernel; pickle or json put values into a file of /home"
)
_LOG = "the notebook is the log; %history shows the cells that ran"
_ASK = "NAME? and NAME?? show it; str.*find? finds names"
_PYTHON = "a cell without a magic is Python"
_TYPED = "it is always on, as far as it is there"
ABSENT = {
    **dict.fromkeys(("alias", "alias_magic", "rehashx", "unalias", "killbgscripts"), _NO_SHELL),
    **dict.fromkeys(("bash", "cmd", "perl", "ruby", "script", "sh", "sx", "sc"), _NO_SHELL),
    **dict.fromkeys(("subshell", "system", "connect_info", "qtconsole", "gui"), _NO_SHELL),
    **dict.fromkeys(("cp", "mv", "mkdir", "rmdir", "touch", "less", "more", "ll"), _FILES),
    **dict.fromkeys(("load", "loadpy", "recall", "rep", "edit", "ed", "paste"), _NOTEBOOK),
    **dict.fromkeys(("logstart", "logstop", "logon", "logoff", "logstate", "save"), _LOG),
    **dict.fromkeys(("store", "bookmark"), _LASTING),
    **dict.fromkeys(("macro", "rerun"), "a function does that: def it, then call it"),
    **dict.fromkeys(("page", "pdef", "pfile", "psearch", "pycat"), _ASK),
    **dict.fromkeys(("dhist", "dirs", "popd", "pushd"), "%cd, %cd - and %pwd are there"),
    **dict.fromkeys(("magic", "quickref", "lf", "lk"), "%lsmagic lists what is there"),
    **dict.fromkeys(("xdel", "reset_selective"), "del NAME forgets a variable; %reset -f all"),
    **dict.fromkeys(("python2", "python3", "pypy"), _PYTHON),
    **dict.fromkeys(("lprun", "mprun", "memit", "snakeviz"), f"{_NO_PACKAGES}; %prun is there"),
    **dict.fromkeys(("notebook", "pylab", "pastebin", "conda", "mamba", "uv"), _NO_PACKAGES),
    **dict.fromkeys(("javascript", "js"), "a cell runs nothing in the reader's browser"),
    **dict.fromkeys(("autocall", "autoawait", "automagic", "doctest_mode"), _TYPED),
    **dict.fromkeys(("colors", "xmode"), "tracebacks have one form, that of CPython"),
    **dict.fromkeys(("load_ext", "reload_ext", "unload_ext"), _ONE),
    "conda": "%pip, at the top of a cell, installs what the owner grants",
    "config": "of IPython's settings only InteractiveShell.ast_node_interactivity is there",
    "cython": "a compiler for it is not there; %%c compiles C",
    "matplotlib": "matplotlib is not pure Python; display(), HTML and SVG show pictures",
    "pdb": "%debug, in the cell after an exception, goes to where it was raised",
}
# Those that notebooks begin with out of habit: a warning, and the cell goes on.
IGNORED = frozenset(
    (
        *("autoawait", "autocall", "automagic", "colors", "config", "doctest_mode", "load_ext"),
        *("matplotlib", "reload_ext", "unload_ext", "xmode"),
    )
)
