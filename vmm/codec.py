"""Commands to the bytes of a batch, and the bytes of a reply to typed replies.

A reply is hostile: any bytes give a list of replies or ``ProtocolViolation``, nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from hypercell.vmm import abi
from hypercell.vmm import commands as c
from hypercell.vmm.errors import InvokeError, ProtocolViolation
from hypercell.vmm.outcome import Frame, ValType, Value
from hypercell.vmm.wire import Reader, Writer

Place: TypeAlias = tuple[int, int]  # guest address and length of a mapped file

MAX_FRAMES: Final = 1024
MAX_VALUES: Final = 1000  # the limit of WebAssembly on results
MAX_MESSAGE: Final = 0x4000  # characters
MAX_NAME: Final = 0x1000  # characters

_TYPE_CODES: Final = {
    ValType.I32: abi.VAL_I32,
    ValType.I64: abi.VAL_I64,
    ValType.F32: abi.VAL_F32,
    ValType.F64: abi.VAL_F64,
    ValType.V128: abi.VAL_V128,
    ValType.FUNCREF: abi.VAL_FUNCREF,
    ValType.EXTERNREF: abi.VAL_EXTERNREF,
    ValType.ANYREF: abi.VAL_ANYREF,
    ValType.EXNREF: abi.VAL_EXNREF,
}
_TYPES: Final = {code: kind for kind, code in _TYPE_CODES.items()}
_WIDTHS: Final = {ValType.I32: 32, ValType.I64: 64, ValType.F32: 32, ValType.F64: 64}


def _width(kind: ValType) -> int:
    return _WIDTHS.get(kind, 128)


class _Encoder:
    """Writes the body of one command."""

    def __init__(self, code: Sequence[Place], layers: Sequence[Place]) -> None:
        self._code = code
        self._layers = layers

    def encode(self, command: c.Command | c.Touch) -> tuple[int, bytes]:
        w = Writer()
        match command:
            case c.Load(code, component):
                address, length = _place(self._code, code, "code")
                w.u64(address).u64(length)
                w.u32(abi.KIND_COMPONENT if component else abi.KIND_MODULE)
                return abi.CMD_LOAD, w.done()
            case c.Wasi(args, env, preopens, stdin):
                _strings(w, args)
                w.u32(len(env))
                for key, text in env:
                    w.str(key).str(text)
                _strings(w, preopens)
                return abi.CMD_WASI, w.u32(int(stdin)).done()
            case c.Instantiate(module, name):
                return abi.CMD_INSTANTIATE, w.u32(module).str(name).done()
            case c.Invoke(instance, export, arguments):
                w.u32(instance).str(export).u32(len(arguments))
                for argument in arguments:
                    _put_value(w, argument)
                return abi.CMD_INVOKE, w.done()
            case c.Call(instance, export, texts):
                _strings(w.u32(instance).str(export), texts)
                return abi.CMD_CALL, w.done()
            case c.GlobalGet(instance, export):
                return abi.CMD_GLOBAL_GET, w.u32(instance).str(export).done()
            case c.GlobalSet(instance, export, value):
                _put_value(w.u32(instance).str(export), value)
                return abi.CMD_GLOBAL_SET, w.done()
            case c.MemoryRead(instance, export, offset, length):
                w.u32(instance).str(export).u64(offset).u32(length)
                return abi.CMD_MEMORY_READ, w.done()
            case c.MemoryWrite(instance, export, offset, data):
                w.u32(instance).str(export).u64(offset).bytes(data)
                return abi.CMD_MEMORY_WRITE, w.done()
            case c.Register(instance, name):
                return abi.CMD_REGISTER, w.u32(instance).str(name).done()
            case c.FillTables(instance):
                return abi.CMD_FILL_TABLES, w.u32(instance).done()
            case c.Usage():
                return abi.CMD_USAGE, b""
            case c.Touch(places):
                w.u32(len(places))
                for place in places:
                    w.u64(place)
                return abi.CMD_TOUCH, w.done()
            case _:
                return self._encode_file(command, w)

    def _encode_file(self, command: c.Command, w: Writer) -> tuple[int, bytes]:
        match command:
            case c.Mount(path, layer, mode):
                none = (0, 0)
                address, length = none if layer is None else _place(self._layers, layer, "layer")
                return abi.CMD_MOUNT, w.u64(address).u64(length).str(path).u32(mode).done()
            case c.Defer(path):
                return abi.CMD_DEFER, w.str(path).done()
            case c.PutFile(path, layer):
                address, length = _place(self._layers, layer, "layer")
                return abi.CMD_PUT_FILE, w.str(path).u64(address).u64(length).done()
            case c.ReadFile(path, offset, limit):
                return abi.CMD_READ_FILE, w.str(path).u64(offset).u32(limit).done()
            case c.Export(path, limit):
                return abi.CMD_EXPORT, w.str(path).u32(limit).done()
            case c.Quota(home_bytes, home_files, tmp_bytes, tmp_files, dir_bytes, dir_files):
                w.u64(home_bytes).u64(home_files).u64(tmp_bytes).u64(tmp_files)
                w.u64(dir_bytes).u64(dir_files)
                return abi.CMD_QUOTA, w.done()
            case _:
                raise InvokeError(f"there is no command {type(command).__name__}")


def _place(places: Sequence[Place], index: int, kind: str) -> Place:
    if not 0 <= index < len(places):
        raise InvokeError(f"there is no {kind} {index}: {len(places)} came with the commands")
    return places[index]


def _strings(w: Writer, items: Sequence[str]) -> None:
    w.u32(len(items))
    for item in items:
        w.str(item)


def _put_value(w: Writer, value: Value) -> None:
    if not 0 <= value.bits < 1 << _width(value.type):
        raise InvokeError(f"{value.bits:#x} is no {value.type.value}")
    w.u32(_TYPE_CODES[value.type])
    w.u64(value.bits & (1 << 64) - 1).u64(value.bits >> 64)


def encode(
    commands: Sequence[c.Command | c.Touch],
    code: Sequence[Place] = (),
    layers: Sequence[Place] = (),
) -> bytes:
    """Return the batch of ``commands``; ``code`` and ``layers``: where their indices are mapped.

    Raises ``InvokeError`` for an index without a file, a number out of range, or half a character.
    """
    encoder = _Encoder(code, layers)
    batch = Writer().u32(len(commands))
    for command in commands:
        try:
            op, body = encoder.encode(command)
        except UnicodeEncodeError as error:
            name = type(command).__name__
            raise InvokeError(f"a {name} command has text that is no Unicode: {error}") from error
        except (OverflowError, ValueError, struct.error) as error:
            name = type(command).__name__
            raise InvokeError(f"a {name} command has a number out of range: {error}") from error
        batch.u32(op).bytes(body)
    return batch.done()


def decode(commands: Sequence[c.Command | c.Touch], reply: bytes) -> list[c.Reply]:
    """Return the replies to ``commands``: all of them, or up to the first that is not ``Ok``."""
    reader = Reader(reply)
    replies: list[c.Reply] = []
    for command in commands:
        status = reader.u32()
        body = Reader(reader.bytes())
        answer = _ok(command, body) if status == abi.ST_OK else _not_ok(status, body)
        body.end()
        replies.append(answer)
        if status != abi.ST_OK:
            break
    reader.end()
    return replies


def _not_ok(status: int, body: Reader) -> c.Reply:
    if status == abi.ST_TRAP:
        code, message = body.u32(), _text(body, MAX_MESSAGE)
        count = _count(body, MAX_FRAMES, "frames")
        return c.Trapped(code, message, tuple(_frame(body) for _ in range(count)))
    if status == abi.ST_EXIT:
        return c.Exited(body.u32())
    if status in (abi.ST_ERROR, abi.ST_LINK, abi.ST_REFUSED):
        return c.Failed(status, _text(body, MAX_MESSAGE))
    raise ProtocolViolation(f"a reply has the unknown status {status}")


def _ok(command: c.Command | c.Touch, body: Reader) -> c.Ok:
    read = _BODIES.get(type(command))
    return read(body) if read is not None else c.Ok()


def _number(body: Reader) -> c.Ok:
    return c.Ok(number=body.u32())


def _values(body: Reader) -> c.Ok:
    count = _count(body, MAX_VALUES, "values")
    return c.Ok(values=tuple(_take_value(body) for _ in range(count)))


def _called(body: Reader) -> c.Ok:
    ok = body.u32()
    if ok > 1:
        raise ProtocolViolation(f"a call ended with {ok}, which is neither success nor error")
    return c.Ok(number=ok, text=body.str())


_BODIES: Final[dict[type[c.Command | c.Touch], Callable[[Reader], c.Ok]]] = {
    c.Load: _number,
    c.Instantiate: _number,
    c.Invoke: _values,
    c.Call: _called,
    c.GlobalGet: lambda body: c.Ok(values=(_take_value(body),)),
    c.MemoryRead: lambda body: c.Ok(data=body.bytes()),
    c.ReadFile: lambda body: c.Ok(size=body.u64(), data=body.bytes()),
    c.Export: lambda body: c.Ok(size=body.u32(), data=body.bytes()),
    c.Usage: lambda body: c.Ok(counters=(body.u64(), body.u64(), body.u64())),
}


def _count(body: Reader, limit: int, what: str) -> int:
    count = body.u32()
    if count > limit:
        raise ProtocolViolation(f"a reply claims {count} {what}, over {limit}")
    return count


def _text(body: Reader, limit: int) -> str:
    return body.str()[:limit]


def _frame(body: Reader) -> Frame:
    module, index = _text(body, MAX_NAME), body.u32()
    name, offset = _text(body, MAX_NAME), body.u64()
    return Frame(module, index, name, offset)


def _take_value(body: Reader) -> Value:
    code = body.u32()
    bits = body.u64() | body.u64() << 64
    kind = _TYPES.get(code)
    if kind is None:
        raise ProtocolViolation(f"a reply has the unknown value type {code:#x}")
    if bits >> _width(kind):
        raise ProtocolViolation(f"a reply has an {kind.value} of over {_width(kind)} bits")
    return Value(kind, bits)
