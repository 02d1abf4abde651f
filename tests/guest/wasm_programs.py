"""Small programs for tests, in WebAssembly text, and the commands that run them."""

from hypercell.vmm import abi
from hypercell.vmm.commands import Export, Instantiate, Invoke, Load, Mount, Quota, Wasi

WASI = "wasi_snapshot_preview1"


def imports(*names):
    types = {
        "fd_write": "(param i32 i32 i32 i32) (result i32)",
        "fd_read": "(param i32 i32 i32 i32) (result i32)",
        "fd_close": "(param i32) (result i32)",
        "path_open": "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)",
        "poll_oneoff": "(param i32 i32 i32 i32) (result i32)",
        "proc_exit": "(param i32)",
        "random_get": "(param i32 i32) (result i32)",
    }
    return "\n".join(f'(import "{WASI}" "{n}" (func ${n} {types[n]}))' for n in names)


def text(data):
    return "".join(f"\\{byte:02x}" for byte in data)


def hello(message=b"hello\n", stream=1):
    size = len(message).to_bytes(4, "little")
    return f"""(module {imports("fd_write")} (memory (export "memory") 1)
      (data (i32.const 0) "\\10\\00\\00\\00{text(size)}") (data (i32.const 16) "{text(message)}")
      (func (export "_start") (drop (call $fd_write
        (i32.const {stream}) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


FLOOD = f"""(module {imports("fd_write")} (memory (export "memory") 2)
  (data (i32.const 0) "\\10\\00\\00\\00\\00\\80\\00\\00")
  (func (export "_start") (loop $again (drop (call $fd_write
    (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br $again))))"""

SPIN = '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))'

# Says "up", then spins.
TELL_AND_SPIN = f"""(module {imports("fd_write")} (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 16) "up")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (loop $again (br $again))))"""

# Sleeps for an hour in poll_oneoff.
SLEEP = f"""(module {imports("poll_oneoff", "fd_write")} (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 16) "up")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store8 offset=108 (i32.const 0) (i32.const 0))
    (i32.store offset=116 (i32.const 0) (i32.const 1))
    (i64.store offset=124 (i32.const 0) (i64.const 3600000000000))
    (drop (call $poll_oneoff (i32.const 100) (i32.const 200) (i32.const 1) (i32.const 300)))))"""

# Copies stdin to stdout until its end.
ECHO = f"""(module {imports("fd_read", "fd_write")} (memory (export "memory") 2)
  (func (export "_start") (loop $again
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 60000))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (if (i32.load (i32.const 8)) (then
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))))"""

EXIT_3 = f"""(module {imports("proc_exit")} (memory (export "memory") 1)
  (func (export "_start") (call $proc_exit (i32.const 3))))"""

TRAP = """(module (memory (export "memory") 1)
  (func $inner (drop (i32.load (i32.const 0x7fffffff))))
  (func $outer (export "_start") (call $inner)))"""

COUNTER = """(module (memory (export "memory") 1) (global $n (export "n") (mut i32) (i32.const 0))
  (func (export "next") (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"""

# Writes "data" to /home/a.txt, with /home as its only preopen.
WRITE_HOME = f"""(module {imports("path_open", "fd_write", "fd_close")} (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 16) "data")
  (data (i32.const 32) "a.txt")
  (func (export "_start")
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 9)
      (i64.const 0x1fffffff) (i64.const 0x1fffffff) (i32.const 0) (i32.const 64)))
    (drop (call $fd_write (i32.load (i32.const 64)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $fd_close (i32.load (i32.const 64))))))"""

# Reads the file a.txt of its first preopen and writes it to stdout.
READ_FILE = f"""(module {imports("path_open", "fd_read", "fd_write")} (memory (export "memory") 1)
  (data (i32.const 0) "\\00\\04\\00\\00\\00\\10\\00\\00") (data (i32.const 32) "a.txt")
  (func (export "_start")
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 0)
      (i64.const 0x1fffffff) (i64.const 0x1fffffff) (i32.const 0) (i32.const 64)))
    (drop (call $fd_read (i32.load (i32.const 64)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


def program(*, stdin=False, export=False, home=None):
    """The batch of a WASI program, code 0."""
    commands = [
        Quota(1 << 20, 16, 1 << 20, 16),
        Mount("/home", home, abi.MOUNT_HOME),
        Load(0),
        Wasi(("program",), (), ("/home",), stdin=stdin),
        Instantiate(0),
        Invoke(0, "_start"),
    ]
    return [*commands, Export()] if export else commands
