"""The compiler process: ``python -m hypercell.vmm.compiler``.

The server imports Wasmtime and builds the engine once; every module is compiled in a forked child
that has limits of its own and may die. The child answers over its socket with a sealed memory
file; what it compiles is never run here.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import time

import wasmtime

from hypercell.vmm import filters, fork_server, libc, memfd, rehearsal, symbolize
from hypercell.vmm.channel import Channel
from hypercell.vmm.compile_module import compile_module
from hypercell.vmm.engine_config import engine
from hypercell.vmm.errors import CompileLimitExceeded, HypercellError
from hypercell.vmm.even_tags import even_tags
from hypercell.vmm.host_calls import refused
from hypercell.vmm.jail import Jail, Mapped, Rlimits, limit_memory, mapped_now, set_limits
from hypercell.vmm.messages import (
    Compile,
    Compiled,
    Symbolize,
    Symbolized,
    ToCompiler,
    pack_error,
)

_MAX_INPUT = 1 << 30
_DESCRIPTORS = 64
_THREADS = 8
_SPACE = 1 << 40  # reserved addresses cost nothing
_SMALLER = "make the module smaller"
_WARM_UP = """(module (memory 1)
  (func (export "f") (param i32) (i32.store (local.get 0) (i32.const 1))))"""


def main() -> None:
    """Serve compiles until the kernel process goes."""
    control = fork_server.arguments()
    os.environ["RAYON_NUM_THREADS"] = str(min(_THREADS, len(os.sched_getaffinity(0))))
    shared_engine = engine()

    symbolize.preload()
    rehearsal.messages((ToCompiler,), (Compiled((), ()), Symbolized(())))
    libc.keep_malloc_from_files(_THREADS)

    def child(jail: Jail, sock: socket.socket) -> None:
        jail.enter_child([sock.fileno()], Rlimits(_DESCRIPTORS, resource.RLIM_INFINITY, forks=True))
        _serve_one(Channel(sock, ToCompiler), shared_engine)

    fork_server.serve(control, filters.COMPILER, child)


def _serve_one(channel: Channel[Compile | Symbolize], shared_engine: wasmtime.Engine) -> None:
    if not channel.pending():  # forked ahead: start the threads, touch the pages
        wasmtime.Module(shared_engine, _WARM_UP).serialize()
    try:
        _answer(channel, shared_engine)
    except MemoryError:
        failure: HypercellError = CompileLimitExceeded(
            "the compiler ran out of memory", hint=_SMALLER
        )
        channel.send(pack_error(failure))
    except OSError as error:
        failure = refused("compiling", error)
        if error.errno == errno.EFBIG:
            text = "the compiled module is over its size limit"
            failure = CompileLimitExceeded(text, hint=_SMALLER)
        channel.send(pack_error(failure))
    except HypercellError as error:
        channel.send(pack_error(error))


def _answer(channel: Channel[Compile | Symbolize], shared_engine: wasmtime.Engine) -> None:
    request, (module, log) = channel.receive()
    os.dup2(log, 2)
    set_limits(
        Rlimits(
            _DESCRIPTORS,
            request.output if isinstance(request, Compile) else 0,
            cpu=int(time.process_time()) + request.cpu,
            forks=True,
        )
    )
    limit_memory(mapped_now(), Mapped(request.memory, _SPACE))
    data = memfd.read(module, _MAX_INPUT)
    if isinstance(request, Symbolize):
        places = symbolize.places(even_tags(data), request.offsets)
        channel.send(Symbolized(places))
        return
    compiled, fd = compile_module(shared_engine, data, text=request.text)
    channel.send(compiled, [fd])


if __name__ == "__main__":
    fork_server.run(main)
