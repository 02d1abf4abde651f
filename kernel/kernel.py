"""The Jupyter kernel: messages in, one session, messages out.

Cells run in the main thread's event loop, whichever subshell they come from: the session belongs
to it. Interrupts arrive in the control thread (message), by SIGINT, or on the shell channel, and
all of them do the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import signal
from collections.abc import Callable
from typing import Any

import zmq
from ipykernel._version import kernel_protocol_version
from ipykernel.kernelbase import Kernel
from ipykernel.subshell_manager import UnknownSubshellError

from hypercell.kernel.config import Config, load_config
from hypercell.kernel.display.bundle import Shower
from hypercell.kernel.display.parser_client import Parser
from hypercell.kernel.errors import ConfigError
from hypercell.kernel.expressions import evaluate
from hypercell.kernel.history import History
from hypercell.kernel.kernel_info import banner, help_links, language_info, version
from hypercell.kernel.output import CellOutput
from hypercell.kernel.questions import Questions, completion_reply
from hypercell.kernel.result import Ask, CellResult, Event, Stream
from hypercell.kernel.safe_text import calmer_text
from hypercell.kernel.session import Session
from hypercell.kernel.stdin import FrontEndInput
from hypercell.kernel.subshells import Subshells
from hypercell.kernel.traceback_text import error_name, render, summary
from hypercell.vmm.errors import HypercellError

_SHUTDOWN_SECONDS = 5.0
_MAX_SUMMARY = 20_000  # characters of an error's text
_MAX_TRACEBACK = 256 << 10


_Kernel: Any = Kernel  # it has no usable types


class HypercellKernel(_Kernel):  # type: ignore[misc]
    """One process for each notebook."""

    implementation = "hypercell"
    _execute_sleep = 0.0
    help_links = help_links()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.implementation_version = version()
        self.banner = banner()
        self._config_error: ConfigError | None = None
        try:
            config = load_config()
        except ConfigError as error:  # said in every cell: no cell runs on a guess
            self._config_error = error
            config = Config()
        self._cells = Session(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._history = History()
        self._input = FrontEndInput()
        self._parser = Parser()
        self._questions = Questions(self._cells)
        self._subshells: Subshells = self.shell_channel_thread
        self._aborts: set[asyncio.Task[None]] = set()
        self.language_info = language_info(self._cells.languages, config.language)

    # --- start and end --------------------------------------------------------------------------

    def start(self) -> None:
        super().start()
        self._loop = self.io_loop.asyncio_loop
        self._loop.add_signal_handler(signal.SIGINT, self._cells.interrupt)
        self._loop.call_soon(self._cells.prepare)
        gc.freeze()  # what was imported stays: no collection in a cell's time looks at it

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """End all cells and processes. Called in the control thread."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SHUTDOWN_SECONDS):
                await self._in_main(self._cells.close())
        self._parser.close()
        return {"status": "ok", "restart": restart}

    async def _in_main(self, work: Any) -> Any:
        """Await a coroutine of the main thread's loop, from any thread."""
        assert self._loop is not None  # noqa: S101 (set by start)
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    @property
    def kernel_info(self) -> dict[str, Any]:
        # Not the base class's: it imports a debugger, for 0.15 s, to say whether there is one.
        return {
            "protocol_version": kernel_protocol_version,
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": self.help_links,
            "supported_features": ["kernel subshells"] if self._supports_kernel_subshells else [],
        }

    # --- interrupts -----------------------------------------------------------------------------

    def pre_handler_hook(self) -> None:
        """SIGINT stays with the event loop: the base class would raise KeyboardInterrupt in it."""

    def post_handler_hook(self) -> None:
        """See ``pre_handler_hook``."""

    async def interrupt_request(self, stream: Any, ident: Any, parent: Any) -> None:
        if stream is self.control_stream and self._loop is not None:
            self._loop.call_soon_threadsafe(self._cells.interrupt)
        self.session.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

    # --- the shell channel ----------------------------------------------------------------------

    async def shell_channel_thread_main(self, msg: list[Any]) -> None:
        """Serve a request when the earlier ones of its subshell have been served."""
        idents, frames = self.session.feed_identities(msg, copy=False)
        try:
            request = self.session.deserialize(frames, content=False, copy=False)
        except Exception:
            self.log.exception("a message on the shell channel that is none")
            return
        header = request["header"]
        # Some front ends interrupt on the shell channel, where messages wait for the cell.
        if header["msg_type"] == "interrupt_request":
            self._cells.interrupt()
        subshell = header.get("subshell_id")
        try:
            async with self._subshells.lock(subshell):
                self._subshells.lock(subshell)  # it may have been deleted meanwhile
                await self.dispatch_shell(msg, subshell_id=subshell)
        except UnknownSubshellError as error:
            self._send_unknown_subshell_reply(idents, request, error)

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """Abort the cells that were sent before this one failed: they wait for its lock."""
        assert self._loop is not None  # noqa: S101 (set by start)
        if asyncio.get_running_loop() is not self._loop:  # it came on the control channel
            self._loop.call_soon_threadsafe(self._abort_queues, subshell_id)
            return
        self._set_aborting(subshell_id, aborting=True)
        self.shell_stream.flush(zmq.POLLIN)
        self._aborts.add(task := asyncio.create_task(self._stop_aborting(subshell_id)))
        task.add_done_callback(self._aborts.discard)

    async def _stop_aborting(self, subshell_id: str | None) -> None:
        with contextlib.suppress(UnknownSubshellError):
            async with self._subshells.lock(subshell_id):  # they come first
                self._set_aborting(subshell_id, aborting=False)

    def _set_aborting(self, subshell_id: str | None, *, aborting: bool) -> None:
        if subshell_id is None:
            self._aborting = aborting
        else:
            self._subshells.set_subshell_aborting(subshell_id, aborting)

    async def create_subshell_request(self, stream: Any, ident: Any, parent: Any) -> None:
        await self._about_subshells(self._subshells.create, stream, ident, parent)

    async def delete_subshell_request(self, stream: Any, ident: Any, parent: Any) -> None:
        delete = functools.partial(self._subshells.delete, parent["content"].get("subshell_id"))
        await self._about_subshells(delete, stream, ident, parent)

    async def list_subshell_request(self, stream: Any, ident: Any, parent: Any) -> None:
        await self._about_subshells(self._subshells.names, stream, ident, parent)

    async def _about_subshells(
        self, act: Callable[[], Any], stream: Any, ident: Any, parent: Any
    ) -> None:
        async def acted() -> Any:
            return act()

        content: dict[str, Any] = {"status": "ok"}
        try:
            result = await self._in_main(acted())
        except UnknownSubshellError as error:
            content = {"status": "error", "evalue": str(error)}
        else:
            if result is not None:
                content["subshell_id"] = result
        kind = parent["header"]["msg_type"].replace("request", "reply")
        self.session.send(stream, kind, content, parent, ident)

    # --- cells ----------------------------------------------------------------------------------

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: dict[str, Any] | None = None,
        allow_stdin: bool = False,
        *,
        cell_meta: Any = None,
        cell_id: str | None = None,
    ) -> dict[str, Any]:
        count = self.execution_count
        parent = self.get_parent("shell")
        ident = self._get_shell_context_var(self._shell_parent_ident)
        if store_history and not silent:
            self._history.add(count, code)
        quiet = "silent" if silent else "" if store_history else "unstored"
        uncounted = int(not silent and (not store_history or not code.strip()))
        self.execution_count -= uncounted  # the next cell has its number
        content: dict[str, Any] = await self._in_main(
            self._run_cell(code, count, parent, ident, quiet=quiet, stdin=allow_stdin)
        )
        content["execution_count"] = count - uncounted
        content["payload"] = []
        content["user_expressions"] = {}
        if content["status"] == "ok" and user_expressions:
            shower = Shower(self._parser, scripts=self._cells.config.scripts)
            content["user_expressions"] = await self._in_main(
                evaluate(self._cells, user_expressions, shower)
            )
        return content

    async def _run_cell(
        self, code: str, count: int, parent: Any, ident: Any, *, quiet: str, stdin: bool
    ) -> dict[str, Any]:
        """In the main loop. Sends everything but the reply, and returns that."""

        def send(kind: str, content: dict[str, Any]) -> None:
            if quiet != "silent":
                self.session.send(
                    self.iopub_socket, kind, content, parent=parent, ident=self._topic(kind)
                )

        shower = Shower(self._parser, scripts=self._cells.config.scripts)
        output = CellOutput(send, count, shower)

        asked = Ask("")

        def take(event: Event) -> None:
            nonlocal asked
            if not isinstance(event, Ask):
                output(event)
            elif stdin:
                asked = event
            else:
                output(Stream("stdout", event.prompt.encode("utf-8", "replace")))

        async def read(limit: int) -> bytes:
            nonlocal asked
            await output.settled()
            ask, asked = asked, Ask("")
            return await self._input.read(
                self.session, self.stdin_socket, parent, ident, limit, key=parent["header"], ask=ask
            )

        try:
            if self._config_error is not None:
                raise self._config_error
            result = await self._cells.execute(
                code,
                on_event=take,
                on_stdin=read if stdin else None,
                label=f"cell {count}",
                quiet=quiet,
            )
        except HypercellError as error:
            result = CellResult(error=error, traceback=render(error))
        except Exception as defect:
            self.log.exception("a defect of Hypercell")
            wrapped = HypercellError(
                f"a defect of Hypercell itself: {type(defect).__name__}: {defect}",
                hint="the kernel's log has the details; please report it",
            )
            result = CellResult(error=wrapped, traceback=render(wrapped))
        finally:
            self._input.forget(parent["header"])
        await output.finish(ok=result.ok)
        if result.error is None:
            return {"status": "ok"}
        content = _error_content(
            error_name(result.error),
            calmer_text(summary(result.error), _MAX_SUMMARY),
            calmer_text(result.traceback, _MAX_TRACEBACK).split("\n"),
        )
        send("error", {key: content[key] for key in ("ename", "evalue", "traceback")})
        return content

    # --- the rest of what a front end asks ------------------------------------------------------

    async def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        return completion_reply(await self._in_main(self._questions.complete(code, cursor_pos)))

    async def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        text = await self._in_main(self._questions.inspect(code, cursor_pos, detail_level))
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        status, indent = await self._in_main(self._questions.is_complete(code))
        reply = {"status": status}
        if status == "incomplete":
            reply["indent"] = indent
        return reply

    async def do_history(
        self, hist_access_type: str, output: bool, raw: bool, **request: Any
    ) -> dict[str, Any]:
        found = self._history.reply(hist_access_type, output, **request)
        return {"status": "ok", "history": found}


def _error_content(ename: str, evalue: str, traceback: list[str]) -> dict[str, Any]:
    return {"status": "error", "ename": ename, "evalue": evalue, "traceback": traceback}
