"""Components that use resources of WASI 0.2, as text."""

from __future__ import annotations

from components import MEMORY

_POLL = """
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $pp))
    (export "pollable" (type (eq $pp)))
    (export "now" (func (result u64)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pp))))))
"""
_STREAMS = """
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $err))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $err (type $e))
    (export "error" (type $error (eq $e)))
    (export "input-stream" (type $in (sub resource)))
    (export "output-stream" (type $out (sub resource)))
    (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]input-stream.blocking-read" (func (param "self" (borrow $in))
      (param "len" u64) (result (result (list u8) (error $stream-error)))))
    (export "[method]output-stream.write-zeroes" (func (param "self" (borrow $out))
      (param "len" u64) (result (result (error $stream-error)))))
    (export "[method]output-stream.check-write" (func (param "self" (borrow $out))
      (result (result u64 (error $stream-error)))))
    (export "[method]output-stream.write" (func (param "self" (borrow $out))
      (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "input-stream" (type $input))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $input (type $i))
    (export "input-stream" (type (eq $i)))
    (export "get-stdin" (func (result (own $i))))))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output (type $o))
    (export "output-stream" (type (eq $o)))
    (export "get-stdout" (func (result (own $o))))))
"""
_SOCKETS = """
  (import "wasi:sockets/network@0.2.0" (instance $network
    (export "network" (type (sub resource)))
    (type $code (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory"
      "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state"
      "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable"
      "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large"
      "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $code)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family)))))
  (alias export $network "error-code" (type $code))
  (alias export $network "ip-address-family" (type $family))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
    (alias outer 1 $code (type $c0)) (export "error-code" (type $c (eq $c0)))
    (alias outer 1 $family (type $f0)) (export "ip-address-family" (type $f (eq $f0)))
    (alias outer 1 $socket (type $s0)) (export "tcp-socket" (type $s (eq $s0)))
    (export "create-tcp-socket" (func (param "address-family" $f)
      (result (result (own $s) (error $c)))))))
"""


def _component(imports: str, lowered: dict[str, tuple[str, str]], functions: dict[str, str]) -> str:
    """``lowered``: name -> (instance and function, core type); ``functions``: name -> body."""
    lowers = "\n".join(
        f"(core func ${name} (canon {what} (memory $mem) (realloc $realloc)))"
        if what.startswith("lower")
        else f"(core func ${name} (canon {what}))"
        for name, (what, _) in lowered.items()
    )
    core_imports = "\n".join(
        f'(import "host" "{name}" (func ${name} {ty}))' for name, (_, ty) in lowered.items()
    )
    host = " ".join(f'(export "{name}" (func ${name}))' for name in lowered)
    bodies = "\n".join(
        f'(func (export "{name}") (result i32) (local $a i32) (local $n i32) {body})'
        for name, body in functions.items()
    )
    # Every function gives a number as text, to be read by CMD_CALL.
    lifts = "\n".join(
        f"""(func (export "{name}") (result string)
          (canon lift (core func $text "{name}") (memory $mem)))"""
        for name in functions
    )
    texts = "\n".join(
        f'(func (export "{name}") (result i32) (call $number (call $f{at})))'
        for at, name in enumerate(functions)
    )
    text_imports = "\n".join(
        f'(import "code" "{name}" (func $f{at} (result i32)))' for at, name in enumerate(functions)
    )
    return f"""
    (component
      {imports}
      {MEMORY}
      {lowers}
      (core module $code
        (import "memory" "memory" (memory 1))
        {core_imports}
        {bodies})
      (core instance $code (instantiate $code
        (with "memory" (instance $memory))
        (with "host" (instance {host}))))
      (core module $text
        (import "memory" "memory" (memory 1))
        {text_imports}
        (func $number (param $value i32) (result i32) (local $at i32)
          (local.set $at (i32.const 1032))
          (loop $digits
            (local.set $at (i32.sub (local.get $at) (i32.const 1)))
            (i32.store8 (local.get $at)
              (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
            (local.set $value (i32.div_u (local.get $value) (i32.const 10)))
            (br_if $digits (local.get $value)))
          (i32.store (i32.const 1040) (local.get $at))
          (i32.store (i32.const 1044) (i32.sub (i32.const 1032) (local.get $at)))
          (i32.const 1040))
        {texts})
      (core instance $text (instantiate $text
        (with "memory" (instance $memory))
        (with "code" (instance $code))))
      {lifts})
    """


RANDOM = _component(
    """(import "wasi:random/random@0.2.0" (instance $random
         (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))""",
    {"random": ('lower (func $random "get-random-bytes")', "(param i64 i32)")},
    {
        "some": "(call $random (i64.const 100000) (i32.const 8)) (i32.load (i32.const 12))",
        "endless": "(call $random (i64.const -1) (i32.const 8)) (i32.const 0)",
        "much": "(call $random (i64.const 16777217) (i32.const 8)) (i32.const 0)",
    },
)

POLL = _component(
    _POLL,
    {
        "now": ('lower (func $clock "now")', "(result i64)"),
        "subscribe": ('lower (func $clock "subscribe-duration")', "(param i64) (result i32)"),
        "ready": ('lower (func $poll "[method]pollable.ready")', "(param i32) (result i32)"),
        "block": ('lower (func $poll "[method]pollable.block")', "(param i32)"),
        "poll": ('lower (func $poll "poll")', "(param i32 i32 i32)"),
        "drop": ("resource.drop $pollable", "(param i32)"),
    },
    {
        "sleep": """(local.set $a (call $subscribe (i64.const 5000000)))
               (call $block (local.get $a)) (call $drop (local.get $a)) (i32.const 0)""",
        # One that is due at once and one that never is: the first alone is ready.
        "choose": """(i32.store (i32.const 0) (call $subscribe (i64.const -1)))
               (i32.store (i32.const 4) (call $subscribe (i64.const 0)))
               (call $poll (i32.const 0) (i32.const 2) (i32.const 16))
               (i32.add (i32.mul (i32.const 10) (i32.load (i32.const 20)))
                 (i32.load (i32.load (i32.const 16))))""",
        "of-none": "(call $poll (i32.const 0) (i32.const 0) (i32.const 16)) (i32.const 0)",
        "leak": """(loop (drop (call $subscribe (i64.const 0)))
                 (local.set $n (i32.add (local.get $n) (i32.const 1)))
                 (br_if 0 (i32.lt_u (local.get $n) (i32.const 100000)))) (local.get $n)""",
        "drop-each": """(loop (call $drop (call $subscribe (i64.const 0)))
                 (local.set $n (i32.add (local.get $n) (i32.const 1)))
                 (br_if 0 (i32.lt_u (local.get $n) (i32.const 20000)))) (local.get $n)""",
    },
)

STREAMS = _component(
    _STREAMS,
    {
        "stdin": ('lower (func $stdin "get-stdin")', "(result i32)"),
        "stdout": ('lower (func $stdout "get-stdout")', "(result i32)"),
        "read": (
            'lower (func $streams "[method]input-stream.blocking-read")',
            "(param i32 i64 i32)",
        ),
        "zeros": (
            'lower (func $streams "[method]output-stream.write-zeroes")',
            "(param i32 i64 i32)",
        ),
        "write": (
            'lower (func $streams "[method]output-stream.write")',
            "(param i32 i32 i32 i32)",
        ),
    },
    {
        # What was read, or 1000000 + the case of the error.
        "read-all": """(call $read (call $stdin) (i64.const -1) (i32.const 64))
               (if (result i32) (i32.load8_u (i32.const 64))
                 (then (i32.add (i32.const 1000000) (i32.load8_u (i32.const 68))))
                 (else (i32.load (i32.const 72))))""",
        "ten-zeros": """(call $zeros (call $stdout) (i64.const 10) (i32.const 64))
               (i32.load8_u (i32.const 64))""",
        "endless-zeros": "(call $zeros (call $stdout) (i64.const -1) (i32.const 64)) (i32.const 0)",
        "write-much": """(drop (memory.grow (i32.const 400)))
               (call $write (call $stdout) (i32.const 0) (i32.const 20000000) (i32.const 64))
               (i32.const 0)""",
        "open-many": """(loop (drop (call $stdout))
                 (local.set $n (i32.add (local.get $n) (i32.const 1)))
                 (br_if 0 (i32.lt_u (local.get $n) (i32.const 2000)))) (local.get $n)""",
    },
)

SOCKETS = _component(
    _SOCKETS,
    {"create": ('lower (func $create "create-tcp-socket")', "(param i32 i32)")},
    {
        # 100 for an error, plus its number.
        "create": """(call $create (i32.const 0) (i32.const 64))
               (i32.add (i32.mul (i32.const 100) (i32.load8_u (i32.const 64)))
                 (i32.load8_u (i32.const 68)))""",
    },
)
