"""C by clang and wasm-ld, which are WebAssembly themselves and run in micro-VMs.

::

    flags          which of clang's flags a magic line may hold
    lexer, items   enough of C to cut a cell into its top-level items
    implicit_main  a cell without ``main`` becomes the body of one
    headers        which standard header declares a name
    preamble       the headers that clang reads before it has the cell
    commands       command lines and guest paths of clang and wasm-ld
    tools          the tools of one hypervisor, and snapshots of command lines that have begun
    tool_run       one run of a tool in a VM
    dependencies   when an object in the cache is still that of its source
    diagnostics    what the tools print, in terms of the cell
    build          source to object to program, each from the cache where it is the same
"""
