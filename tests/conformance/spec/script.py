"""Runs one converted spec script in one micro-VM, as batches of ordinary guest commands."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypercell.vmm import Hypervisor, Vm, abi
from hypercell.vmm.code_cache import Code
from hypercell.vmm.commands import (
    Command,
    Exited,
    Failed,
    GlobalGet,
    Instantiate,
    Invoke,
    Load,
    Ok,
    Register,
    Reply,
    Trapped,
)
from hypercell.vmm.errors import HypercellError, InvalidModule
from spec.values import argument, matches

BATCH = 400  # assertions in flight; replies must fit the reply area

TRAP_TEXT = {
    "integer divide by zero": {abi.TRAP_INTEGER_DIVISION_BY_ZERO},
    "integer overflow": {abi.TRAP_INTEGER_OVERFLOW},
    "invalid conversion to integer": {abi.TRAP_BAD_CONVERSION_TO_INTEGER},
    "unreachable": {abi.TRAP_UNREACHABLE},
    "out of bounds memory access": {abi.TRAP_MEMORY_OUT_OF_BOUNDS},
    "out of bounds table access": {abi.TRAP_TABLE_OUT_OF_BOUNDS},
    "undefined element": {abi.TRAP_TABLE_OUT_OF_BOUNDS},
    "uninitialized element": {abi.TRAP_INDIRECT_CALL_TO_NULL},
    "uninitialized element 2": {abi.TRAP_INDIRECT_CALL_TO_NULL},
    "indirect call type mismatch": {abi.TRAP_BAD_SIGNATURE},
    "call stack exhausted": {abi.TRAP_STACK_OVERFLOW},
    "out of bounds array access": {abi.TRAP_ARRAY_OUT_OF_BOUNDS},
    "cast failure": {abi.TRAP_CAST_FAILURE},
    "null reference": {abi.TRAP_NULL_REFERENCE},
    "null array reference": {abi.TRAP_NULL_REFERENCE},
    "null structure reference": {abi.TRAP_NULL_REFERENCE},
    "null function reference": {abi.TRAP_NULL_REFERENCE},
    "null i31 reference": {abi.TRAP_NULL_REFERENCE},
}


@dataclass
class Tally:
    """Assertions of a script: how many of each kind held, and what the others did instead."""

    held: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@dataclass
class _Step:
    command: Command
    spec: dict[str, Any]


class Script:
    """One script: keeps names of modules and instances, and a queue of commands not yet sent."""

    def __init__(self, path: Path, hypervisor: Hypervisor, vm: Vm, spectest: Code) -> None:
        self._dir = path.parent
        self._commands: list[dict[str, Any]] = json.loads(path.read_text())["commands"]
        self._hypervisor = hypervisor
        self._vm = vm
        self._spectest = spectest
        self._codes: list[Code] = []
        self._modules = 0  # loaded so far in this VM
        self._instances = 0
        self._named: dict[str, int] = {}
        self._definitions: dict[str, int] = {}
        self._current: int | None = None
        self._queue: list[_Step] = []
        self.tally = Tally()

    def expected(self) -> Counter[str]:
        """How many assertions of each kind the script has."""
        kinds = (spec["type"] for spec in self._commands)
        return Counter(kind for kind in kinds if kind.startswith("assert_"))

    async def run(self) -> Tally:
        await self._instantiate(await self._load(self._spectest), "spectest")
        for spec in self._commands:
            await self._one(spec)
        await self._flush()
        return self.tally

    def _fail(self, spec: dict[str, Any], why: object) -> None:
        self.tally.failures.append(f"line {spec.get('line')}: {spec['type']}: {why}")

    # --- modules ------------------------------------------------------------------------------
    async def _compile(self, spec: dict[str, Any]) -> Code:
        name = spec.get("binary_filename") or spec["filename"]
        path = self._dir / name
        source = path.read_text() if name.endswith(".wat") else path.read_bytes()
        return await self._hypervisor.compile(source)

    async def _send(self, command: Command, codes: tuple[Code, ...] = ()) -> Reply:
        await self._flush()
        return (await self._vm.run([command], code=codes))[0]

    async def _load(self, code: Code) -> int:
        reply = await self._send(Load(0), (code,))
        if not isinstance(reply, Ok):
            raise TypeError(f"load: {reply}")
        return reply.number

    async def _instantiate(self, module: int, name: str = "") -> Reply:
        reply = await self._send(Instantiate(module, name))
        if isinstance(reply, Ok):
            self._current = reply.number
        return reply

    # --- commands of a script -------------------------------------------------------------------
    async def _one(self, spec: dict[str, Any]) -> None:
        try:
            await getattr(self, f"_do_{spec['type']}")(spec)
        except (HypercellError, TypeError, LookupError) as error:
            self._fail(spec, f"{type(error).__name__}: {error}")

    async def _do_module(self, spec: dict[str, Any]) -> None:
        self._current = None
        reply = await self._instantiate(await self._load(await self._compile(spec)))
        if not isinstance(reply, Ok):
            self._fail(spec, reply)
        elif "name" in spec:
            self._named[spec["name"]] = reply.number

    async def _do_module_definition(self, spec: dict[str, Any]) -> None:
        self._definitions[spec.get("name", "")] = await self._load(await self._compile(spec))

    async def _do_module_instance(self, spec: dict[str, Any]) -> None:
        reply = await self._instantiate(self._definitions[spec.get("module", "")])
        if not isinstance(reply, Ok):
            self._fail(spec, reply)
        elif "instance" in spec:
            self._named[spec["instance"]] = reply.number

    async def _do_register(self, spec: dict[str, Any]) -> None:
        reply = await self._send(Register(self._instance(spec.get("name")), spec["as"]))
        if not isinstance(reply, Ok):
            self._fail(spec, reply)

    async def _not_accepted(self, spec: dict[str, Any]) -> None:
        try:
            await self._compile({**spec, "binary_filename": None})
        except (InvalidModule, UnicodeDecodeError):  # a text that is no UTF-8 cannot even be given
            self.tally.held[spec["type"]] += 1
        else:
            self._fail(spec, f"accepted, should be refused: {spec.get('text')}")

    _do_assert_invalid = _not_accepted
    _do_assert_malformed = _not_accepted

    async def _do_assert_unlinkable(self, spec: dict[str, Any]) -> None:
        kept = self._current
        reply = await self._instantiate(await self._load(await self._compile(spec)))
        self._current = kept
        if isinstance(reply, Failed) and reply.status == abi.ST_LINK:
            self.tally.held[spec["type"]] += 1
        else:
            self._fail(spec, reply)

    async def _do_assert_uninstantiable(self, spec: dict[str, Any]) -> None:
        kept = self._current
        reply = await self._instantiate(await self._load(await self._compile(spec)))
        self._current = kept
        self._judge(spec, reply)

    # --- actions: queued, so that thousands of calls share few round trips ------------------------
    def _instance(self, name: str | None) -> int:
        if name is not None:
            return self._named[name]
        if self._current is None:
            raise LookupError("no current instance")
        return self._current

    async def _action(self, spec: dict[str, Any]) -> None:
        action = spec["action"]
        instance = self._instance(action.get("module"))
        command: Command = GlobalGet(instance, action["field"])
        if action["type"] == "invoke":
            args = tuple(argument(one) for one in action["args"])
            command = Invoke(instance, action["field"], args)
        self._queue.append(_Step(command, spec))
        if len(self._queue) >= BATCH:
            await self._flush()

    _do_action = _action
    _do_assert_return = _action
    _do_assert_trap = _action
    _do_assert_exhaustion = _action
    _do_assert_exception = _action

    async def _flush(self) -> None:
        while self._queue:
            steps = self._queue[:BATCH]
            replies = await self._vm.run([step.command for step in steps])
            for step, reply in zip(steps, replies, strict=False):
                self._judge(step.spec, reply)
            del self._queue[: len(replies)]

    def _judge(self, spec: dict[str, Any], reply: Reply) -> None:
        kind = spec["type"]
        if kind in ("assert_return", "action"):
            expected = spec.get("expected", [])
            held = isinstance(reply, Ok) and (
                kind == "action"
                or (
                    len(expected) == len(reply.values) and all(map(matches, expected, reply.values))
                )
            )
        elif kind == "assert_exception":
            held = isinstance(reply, Trapped) and reply.code == abi.TRAP_UNCAUGHT_EXCEPTION
        else:
            held = isinstance(reply, Trapped) and reply.code in TRAP_TEXT.get(spec["text"], ())
        if held:
            self.tally.held[kind] += kind != "action"
        else:
            what = "proc_exit" if isinstance(reply, Exited) else reply
            self._fail(spec, f"{spec.get('action')} gave {what}")
