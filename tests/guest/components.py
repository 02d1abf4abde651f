"""Components as text for the tests of the image: small, each for one thing."""

from __future__ import annotations

# A core module's memory with the bump allocator that the canonical ABI wants.
MEMORY = r"""
  (core module $memory
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32)
        (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.set $next (i32.add (local.get $at) (local.get $new)))
      (block $enough
        (br_if $enough
          (i32.lt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (drop (memory.grow (i32.add (i32.const 1)
          (i32.div_u (local.get $new) (i32.const 65536))))))
      (memory.copy (local.get $at) (local.get $old) (local.get $size))
      (local.get $at)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
"""

# Functions over texts: what they take they give back, or they end in another way.
TEXTS = f"""
(component
  {MEMORY}
  (core module $code
    (import "memory" "memory" (memory 1))
    (func $pair (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0))
    (func (export "echo") (param i32 i32) (result i32)
      (call $pair (local.get 0) (local.get 1)))
    (func (export "check") (param i32 i32) (result i32)
      ;; ok(text) if it begins with a, err(text) for others
      (i32.store (i32.const 16) (i32.ne (i32.load8_u (local.get 0)) (i32.const 97)))
      (i32.store (i32.const 20) (local.get 0))
      (i32.store (i32.const 24) (local.get 1))
      (i32.const 16))
    (func (export "nothing"))
    (func $inner (unreachable))
    (func (export "trap") (param i32 i32) (call $inner))
    (func (export "forever") (loop (br 0)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "wild") (result i32)
      (i32.store (i32.const 32) (i32.const 65000))
      (i32.store (i32.const 36) (i32.const 0x7fffffff))
      (i32.const 32)))
  (core instance $code (instantiate $code (with "memory" (instance $memory))))
  (func $echo (param "text" string) (result string)
    (canon lift (core func $code "echo") (memory $mem) (realloc $realloc)))
  (func $check (param "text" string) (result (result string (error string)))
    (canon lift (core func $code "check") (memory $mem) (realloc $realloc)))
  (func (export "nothing") (canon lift (core func $code "nothing")))
  (func (export "forever") (canon lift (core func $code "forever")))
  (func (export "trap") (param "text" string)
    (canon lift (core func $code "trap") (memory $mem) (realloc $realloc)))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $code "add")))
  (func (export "wild") (result string)
    (canon lift (core func $code "wild") (memory $mem)))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $code "echo") (memory $mem) (realloc $realloc)))
  (instance $texts (export "echo" (func $echo)) (export "check" (func $check)))
  (export "test:texts/texts@0.3.1" (instance $texts)))
"""


def with_import(interface: str, functions: dict[str, str], *, uses: str = "") -> str:
    """The import of an interface: its functions by name, each a component function type."""
    members = " ".join(f'(export "{name}" (func {ty}))' for name, ty in functions.items())
    return f'(import "{interface}" (instance $i {uses} {members}))'


def caller(
    interface: str,
    name: str,
    ty: str,
    core: str,
    body: str,
    *,
    uses: str = "",
    result: str = "u64",
    core_result: str = "i64",
) -> str:
    """A component whose ``run`` calls one imported function.

    ``ty``: its type; ``core``: that of the lowered function; ``body``: instructions that call
    ``$f`` and leave the result of ``run``.
    """
    return f"""
    (component
      {with_import(interface, {name: ty}, uses=uses)}
      {MEMORY}
      (core func $lowered (canon lower (func $i "{name}") (memory $mem) (realloc $realloc)))
      (core module $code
        (import "host" "f" (func $f {core}))
        (import "memory" "memory" (memory 1))
        (func (export "run") (result {core_result}) {body}))
      (core instance $code (instantiate $code
        (with "host" (instance (export "f" (func $lowered))))
        (with "memory" (instance $memory))))
      (func (export "run") (result {result})
        (canon lift (core func $code "run") (memory $mem))))
    """


def program(body: str, imports: str = "", lowered: str = "", core_imports: str = "") -> str:
    """A wasi:cli/command: ``body`` leaves 0 for success, 1 for failure."""
    return f"""
    (component
      {imports}
      {MEMORY}
      {lowered}
      (core module $code
        {core_imports}
        (func (export "run") (result i32) {body}))
      (core instance $code (instantiate $code
        {'(with "host" (instance $host))' if core_imports else ""}))
      (func $run (result (result)) (canon lift (core func $code "run")))
      (instance $cli (export "run" (func $run)))
      (export "wasi:cli/run@0.2.3" (instance $cli)))
    """


def exits(function: str, code: int) -> str:
    """A program that ends with ``exit`` or ``exit-with-code``."""
    by_code = function == "exit-with-code"
    ty = '(param "status-code" u8)' if by_code else '(param "status" (result))'
    version = "0.2.12" if by_code else "0.2.0"
    return program(
        f"(call $exit (i32.const {code})) (i32.const 0)",
        imports=with_import(f"wasi:cli/exit@{version}", {function: ty}),
        lowered=f"""
        (core func $exit (canon lower (func $i "{function}")))
        (core instance $host (export "exit" (func $exit)))
        """,
        core_imports='(import "host" "exit" (func $exit (param i32)))',
    )


DISPLAY = f"""
(component
  (import "hypercell:host/display@0.1.0" (instance $d
    (export "emit" (func (param "record" string)))))
  {MEMORY}
  (core func $emit (canon lower (func $d "emit") (memory $mem)))
  (core module $code
    (import "host" "emit" (func $emit (param i32 i32)))
    (func (export "show") (param i32 i32) (call $emit (local.get 0) (local.get 1)))
    (func (export "huge") (call $emit (i32.const 0) (i32.const 8388609))))
  (core instance $code (instantiate $code
    (with "host" (instance (export "emit" (func $emit))))))
  (func (export "show") (param "record" string)
    (canon lift (core func $code "show") (memory $mem) (realloc $realloc)))
  (func (export "huge") (canon lift (core func $code "huge"))))
"""
