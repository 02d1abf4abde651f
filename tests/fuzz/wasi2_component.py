"""A component that makes the calls of WASI 0.2 that a text lists: functions and arguments."""

from __future__ import annotations

from components import MEMORY

# What a type is in core Wasm. "at" and "size": a piece of memory; "file" and "in" are handles.
_FLAT = {
    "u64": ["u64"],
    "string": ["at", "size"],
    "(list u8)": ["at", "size"],
    "$time": ["case", "u64", "flag"],
    "$advice": ["case"],
    "(borrow $d)": ["file"],
    "(borrow $in)": ["in"],
}
_FILE = "(borrow $d)"
_DONE = "(result (error $e))"


def _ok(what: str) -> str:
    return f"(result {what} (error $e))"


# (name, parameters after the descriptor, result)
_DESCRIPTOR: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("read-via-stream", ("u64",), _ok("(own $in)")),
    ("write-via-stream", ("u64",), _ok("(own $out)")),
    ("append-via-stream", (), _ok("(own $out)")),
    ("advise", ("u64", "u64", "$advice"), _DONE),
    ("sync-data", (), _DONE),
    ("get-flags", (), _ok("$flags")),
    ("get-type", (), _ok("$kind")),
    ("set-size", ("u64",), _DONE),
    ("set-times", ("$time", "$time"), _DONE),
    ("read", ("u64", "u64"), _ok("(tuple (list u8) bool)")),
    ("write", ("(list u8)", "u64"), _ok("u64")),
    ("read-directory", (), _ok("(own $listing)")),
    ("create-directory-at", ("string",), _DONE),
    ("stat", (), _ok("$stat")),
    ("stat-at", ("$follow", "string"), _ok("$stat")),
    ("set-times-at", ("$follow", "string", "$time", "$time"), _DONE),
    ("link-at", ("$follow", "string", _FILE, "string"), _DONE),
    ("open-at", ("$follow", "string", "$open", "$flags"), _ok("(own $d)")),
    ("readlink-at", ("string",), _ok("string")),
    ("remove-directory-at", ("string",), _DONE),
    ("rename-at", ("string", _FILE, "string"), _DONE),
    ("symlink-at", ("string", "string"), _DONE),
    ("unlink-file-at", ("string",), _DONE),
    ("is-same-object", (_FILE,), "bool"),
    ("metadata-hash", (), _ok("$hash")),
    ("metadata-hash-at", ("$follow", "string"), _ok("$hash")),
)
_NAMES = {  # of parameters, where they count
    "advise": ("offset", "length", "advice"),
    "set-times": ("data-access-timestamp", "data-modification-timestamp"),
    "read": ("length", "offset"),
    "write": ("buffer", "offset"),
    "stat-at": ("path-flags", "path"),
    "set-times-at": (
        "path-flags",
        "path",
        "data-access-timestamp",
        "data-modification-timestamp",
    ),
    "link-at": ("old-path-flags", "old-path", "new-descriptor", "new-path"),
    "open-at": ("path-flags", "path", "open-flags", "flags"),
    "rename-at": ("old-path", "new-descriptor", "new-path"),
    "symlink-at": ("old-path", "new-path"),
    "is-same-object": ("other",),
    "metadata-hash-at": ("path-flags", "path"),
    "set-size": ("size",),
    "read-via-stream": ("offset",),
    "write-via-stream": ("offset",),
}
_IN, _OUT = "(borrow $in)", "(borrow $out)"
_FAILS = "(error $failure)"
_INPUT: tuple[tuple[str, tuple[str, ...], str], ...] = tuple(
    (name, ("u64",), f"(result {what} {_FAILS})")
    for name, what in (
        ("read", "(list u8)"),
        ("blocking-read", "(list u8)"),
        ("skip", "u64"),
        ("blocking-skip", "u64"),
    )
)
_OUTPUT: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("check-write", (), f"(result u64 {_FAILS})"),
    ("write", ("(list u8)",), f"(result {_FAILS})"),
    ("blocking-write-and-flush", ("(list u8)",), f"(result {_FAILS})"),
    ("flush", (), f"(result {_FAILS})"),
    ("write-zeroes", ("u64",), f"(result {_FAILS})"),
    ("splice", (_IN, "u64"), f"(result u64 {_FAILS})"),
)
_STREAM_NAMES = {"(list u8)": "contents", "u64": "len", _IN: "src"}


def _method(resource: str, self: str, name: str, names: tuple[str, ...], types: tuple[str, ...],
            result: str) -> str:  # fmt: skip
    given = "".join(f'(param "{n}" {t})' for n, t in zip(names, types, strict=True))
    signature = f'(param "self" {self}) {given} (result {result})'
    return f'(export "[method]{resource}.{name}" (func {signature}))'


def _named(name: str, types: tuple[str, ...]) -> tuple[str, ...]:
    return _NAMES.get(name, ("path",) if types else ())


def _core(self: str, types: tuple[str, ...], result: str) -> tuple[list[str], bool]:
    """More than one core result goes through a pointer: the last argument, "result"."""
    kinds = [self, *(kind for each in types for kind in _FLAT.get(each, ["flag"]))]
    return (kinds, True) if result == "bool" else ([*kinds, "result"], False)


_ENUMS = """
  (type $code0 (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota"
    "exist" "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io"
    "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device" "no-entry"
    "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty"
    "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted" "pipe"
    "read-only" "invalid-seek" "text-file-busy" "cross-device"))
  (export "error-code" (type $e (eq $code0)))
  (type $kind0 (enum "unknown" "block-device" "character-device" "directory" "fifo"
    "symbolic-link" "regular-file" "socket"))
  (export "descriptor-type" (type $kind (eq $kind0)))
  (type $advice0 (enum "normal" "sequential" "random" "will-need" "dont-need" "no-reuse"))
  (export "advice" (type $advice (eq $advice0)))
  (type $flags0 (flags "read" "write" "file-integrity-sync" "data-integrity-sync"
    "requested-write-sync" "mutate-directory"))
  (export "descriptor-flags" (type $flags (eq $flags0)))
  (type $follow0 (flags "symlink-follow"))
  (export "path-flags" (type $follow (eq $follow0)))
  (type $open0 (flags "create" "directory" "exclusive" "truncate"))
  (export "open-flags" (type $open (eq $open0)))
  (type $date0 (record (field "seconds" u64) (field "nanoseconds" u32)))
  (export "datetime" (type $date (eq $date0)))
  (type $time0 (variant (case "no-change") (case "now") (case "timestamp" $date)))
  (export "new-timestamp" (type $time (eq $time0)))
  (type $hash0 (record (field "lower" u64) (field "upper" u64)))
  (export "metadata-hash-value" (type $hash (eq $hash0)))
  (type $stat0 (record (field "type" $kind) (field "link-count" u64) (field "size" u64)
    (field "data-access-timestamp" (option $date))
    (field "data-modification-timestamp" (option $date))
    (field "status-change-timestamp" (option $date))))
  (export "descriptor-stat" (type $stat (eq $stat0)))
  (type $entry0 (record (field "type" $kind) (field "name" string)))
  (export "directory-entry" (type $entry (eq $entry0)))
"""


def _imports() -> str:
    inputs = "".join(_method("input-stream", _IN, n, ("len",), types, r) for n, types, r in _INPUT)
    outputs = "".join(
        _method("output-stream", _OUT, n, tuple(_STREAM_NAMES[t] for t in types), types, r)
        for n, types, r in _OUTPUT
    )
    files = "".join(
        _method("descriptor", _FILE, n, _named(n, types), types, r) for n, types, r in _DESCRIPTOR
    )
    return f"""
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $io-error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $io-error (type $e0)) (export "error" (type $error (eq $e0)))
    (export "input-stream" (type $in (sub resource)))
    (export "output-stream" (type $out (sub resource)))
    (type $failure0 (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $failure (eq $failure0)))
    {inputs} {outputs}))
  (alias export $streams "input-stream" (type $input))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:filesystem/types@0.2.0" (instance $files
    (alias outer 1 $input (type $in0)) (export "input-stream" (type $in (eq $in0)))
    (alias outer 1 $output (type $out0)) (export "output-stream" (type $out (eq $out0)))
    (export "descriptor" (type $d (sub resource)))
    (export "directory-entry-stream" (type $listing (sub resource)))
    {_ENUMS} {files}
    (export "[method]directory-entry-stream.read-directory-entry"
      (func (param "self" (borrow $listing)) (result (result (option $entry) (error $e)))))))
  (alias export $files "descriptor" (type $descriptor))
  (alias export $files "directory-entry-stream" (type $listing))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $d0)) (export "descriptor" (type $d (eq $d0)))
    (export "get-directories" (func (result (list (tuple (own $d) string)))))))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $input (type $i)) (export "input-stream" (type (eq $i)))
    (export "get-stdin" (func (result (own $i))))))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output (type $o)) (export "output-stream" (type (eq $o)))
    (export "get-stdout" (func (result (own $o))))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
"""


# (how to lower it, kinds of core arguments, whether it has a core result); a text has indices.
FUNCTIONS: tuple[tuple[str, list[str], bool], ...] = (
    *((f'(func $files "[method]descriptor.{n}")', *_core("file", t, r)) for n, t, r in _DESCRIPTOR),
    *((f'(func $streams "[method]input-stream.{n}")', *_core("in", t, r)) for n, t, r in _INPUT),
    *((f'(func $streams "[method]output-stream.{n}")', *_core("out", t, r)) for n, t, r in _OUTPUT),
    (
        '(func $files "[method]directory-entry-stream.read-directory-entry")',
        ["listing", "result"],
        False,
    ),
    ('(func $preopens "get-directories")', ["result"], False),
    ('(func $stdin "get-stdin")', [], True),
    ('(func $stdout "get-stdout")', [], True),
    ('(func $random "get-random-bytes")', ["u64", "result"], False),
    ("resource.drop $descriptor", ["file"], False),
    ("resource.drop $listing", ["listing"], False),
    ("resource.drop $input", ["in"], False),
    ("resource.drop $output", ["out"], False),
)
NUMBERS = {what.split('"')[1]: at for at, (what, _, _) in enumerate(FUNCTIONS) if '"' in what}
RECORD = 96  # bytes of a call: number u32, mask u32, arguments of 8 bytes
ARGUMENTS = 11
SLOTS, SLOT = 0x400, 0x20  # where results go, and how far apart
CALLS = 24
TEXTS = (b"a", b"b", b"d", b"d/a", b"l", b"d/l", b".", b"..", b"../x", b"/a", b"", b"a/", b"d/",
         b"a\0b", "\u00e9".encode(), b"x" * 256, b"a/" * 40, b"tmp", b"d/../a",
         b"\xff")  # fmt: skip
TEXT_AT = [sum(map(len, TEXTS[:at])) for at in range(len(TEXTS))]


def _thunk(number: int, kinds: list[str], result: bool) -> str:
    given = "".join(
        f"(call ${'wide' if kind == 'u64' else 'narrow'} (local.get $call) (i32.const {at}))"
        for at, kind in enumerate(kinds)
    )
    call = f"(call $f{number} {given})"
    if result:
        call = f"(i32.store offset=4 (local.get $slot) {call})"
    return f"(func $t{number} (param $call i32) (param $slot i32) {call})"


def text() -> str:
    """The component: ``run(calls)``, each byte of a call as two letters from ``a`` to ``p``."""
    lowers, imports, host, thunks = [], [], [], []
    for at, (what, kinds, result) in enumerate(FUNCTIONS):
        if what.startswith("resource"):
            lowers.append(f"(core func $f{at} (canon {what}))")
        else:
            lowers.append(
                f"(core func $f{at} (canon lower {what} (memory $mem) (realloc $realloc)))"
            )
        params = " ".join("i64" if kind == "u64" else "i32" for kind in kinds)
        types = f"(param {params})" + (" (result i32)" if result else "")
        imports.append(f'(import "host" "f{at}" (func $f{at} {types}))')
        host.append(f'(export "f{at}" (func $f{at}))')
        thunks.append(_thunk(at, kinds, result))
    data = "".join(f"\\{byte:02x}" for byte in b"".join(TEXTS))
    names = " ".join(f"$t{at}" for at in range(len(FUNCTIONS)))
    return f"""(component {_imports()} {MEMORY} {" ".join(lowers)}
  (core module $code
    (import "memory" "memory" (memory 1))
    {" ".join(imports)}
    (type $thunk (func (param i32 i32)))
    (table {len(FUNCTIONS)} funcref)
    (elem (i32.const 0) {names})
    (data (i32.const 0) "{data}")
    (func $wide (param $call i32) (param $at i32) (result i64) (local $value i64)
      (local.set $value (i64.load offset=8
        (i32.add (local.get $call) (i32.shl (local.get $at) (i32.const 3)))))
      (if (result i64) (i32.and (i32.const 1)
          (i32.shr_u (i32.load offset=4 (local.get $call)) (local.get $at)))
        (then (i64.load32_u (i32.and (i32.wrap_i64 (local.get $value)) (i32.const 0xffc))))
        (else (local.get $value))))
    (func $narrow (param i32 i32) (result i32)
      (i32.wrap_i64 (call $wide (local.get 0) (local.get 1))))
    {" ".join(thunks)}
    (func $letter (param i32) (result i32) (i32.sub (i32.load8_u (local.get 0)) (i32.const 97)))
    (func (export "run") (param $text i32) (param $size i32) (result i32)
      (local $at i32) (local $call i32)
      (loop $bytes
        (if (i32.lt_u (local.get $at) (i32.shr_u (local.get $size) (i32.const 1))) (then
          (i32.store8 (i32.add (local.get $text) (local.get $at))
            (i32.or
              (i32.shl (call $letter (i32.add (local.get $text)
                (i32.shl (local.get $at) (i32.const 1)))) (i32.const 4))
              (call $letter (i32.add (local.get $text)
                (i32.add (i32.const 1) (i32.shl (local.get $at) (i32.const 1)))))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $bytes))))
      (local.set $size (local.get $at))
      (local.set $at (i32.const {SLOTS}))
      (local.set $call (local.get $text))
      (loop $calls
        (if (i32.lt_u (local.get $call) (i32.add (local.get $text) (local.get $size))) (then
          (call_indirect (type $thunk) (local.get $call) (local.get $at)
            (i32.load (local.get $call)))
          (local.set $at (i32.add (local.get $at) (i32.const {SLOT})))
          (local.set $call (i32.add (local.get $call) (i32.const {RECORD})))
          (br $calls))))
      (i32.store (i32.const {SLOTS - 8}) (local.get $text))
      (i32.store (i32.const {SLOTS - 4}) (i32.const 0))
      (i32.const {SLOTS - 8})))
  (core instance $code (instantiate $code
    (with "memory" (instance $memory)) (with "host" (instance {" ".join(host)}))))
  (func (export "run") (param "calls" string) (result string)
    (canon lift (core func $code "run") (memory $mem) (realloc $realloc))))"""
