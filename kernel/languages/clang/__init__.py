"""C by clang and wasm-ld, which are WebAssembly themselves and run in micro-VMs.

::

    flags          which of clang's flags a magic line may hold
    lexer, items   enough of C to cut a cell into its top-level items
    implicit_main  a cell without ``main`` becomes the body of one
    headers        which header declares a name of the C library
    commands       command lines and guest paths of clang and wasm-ld
    diagnostics    what they print, in terms of the cell
    dependencies   when an object in the cache is still that of its source
    compiler       source to object, in a VM
    linker         objects to a program, in a VM
    prepared       snapshots of both, for the next cell
"""
