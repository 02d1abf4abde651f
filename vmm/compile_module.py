"""One module or component to machine code and its description: runs in the compiler's child.

What this does with a module is part of ``engine_config.FINGERPRINT``, and so of every cache key.
"""

from __future__ import annotations

import wasmtime
import wasmtime.component

from hypercell.vmm import component_types, memfd, wasm_types
from hypercell.vmm.errors import InvalidModule
from hypercell.vmm.even_tags import COMPONENT, even_tags
from hypercell.vmm.messages import Compiled


def compile_module(
    shared_engine: wasmtime.Engine, data: bytes, *, text: bool
) -> tuple[Compiled, int]:
    """Compile a module or component; the description and the file. Raises ``InvalidModule``."""
    try:
        wasm = bytes(wasmtime.wat2wasm(data)) if text else data
    except wasmtime.WasmtimeError as error:
        raise InvalidModule(_tidy(error), hint="the text of the module does not parse") from None
    if not wasm.startswith(b"\0asm"):
        raise InvalidModule("this is no Wasm module: it does not begin with \\0asm")
    wasm = even_tags(wasm)
    if wasm[4:8] == COMPONENT:
        return _compile_component(shared_engine, wasm)
    try:
        module = wasmtime.Module(shared_engine, wasm)
        code = module.serialize()
    except wasmtime.WasmtimeError as error:
        raise InvalidModule(_tidy(error)) from None
    imports, exports = wasm_types.read(wasm)
    return Compiled(exports, imports), memfd.of_bytes(code, "code")


def _compile_component(shared_engine: wasmtime.Engine, wasm: bytes) -> tuple[Compiled, int]:
    try:
        component = wasmtime.component.Component(shared_engine, wasm)
        code = component.serialize()
    except wasmtime.WasmtimeError as error:
        raise InvalidModule(_tidy(error)) from None
    imports, exports = component_types.read(component, shared_engine)
    return Compiled(exports, imports, component=True), memfd.of_bytes(code, "code")


def _tidy(error: Exception) -> str:
    lines = [line.rstrip() for line in str(error).splitlines()]
    if lines and lines[0] in ("WebAssembly translation error", "failed to compile"):
        lines = [line for line in lines[1:] if line and not line.startswith("Caused by")]
    return "\n".join(lines).replace("<anon>", "module.wat").strip()
