"""The sync facade, alone."""

import io
import tarfile
import threading
import time

import pytest
import wasm_programs as p

from hypercell.vmm import Limits, MicroVM
from hypercell.vmm.cache import ENVIRONMENT
from hypercell.vmm.errors import (
    Closed,
    ImageMissing,
    Interrupted,
    InvalidModule,
    InvokeError,
    LinkError,
    OutputLimitExceeded,
    TimedOut,
    Trap,
)

MATH = """(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "neg") (param i64) (result i64) (i64.sub (i64.const 0) (local.get 0)))
  (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "swap") (param i32 f32) (result f32 i32) (local.get 1) (local.get 0))
  (func (export "not") (param v128) (result v128) (v128.not (local.get 0)))
  (func (export "nothing"))
  (func (export "trap") unreachable)
  (func (export "spin") (loop $again (br $again)))
  (func (export "same") (param externref) (result externref) (local.get 0))
  (global (export "g") i32 (i32.const 1)))"""


@pytest.fixture(scope="module")
def vm(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, str(tmp_path_factory.getbasetemp() / "cache"))
        made = MicroVM()
    with made:
        yield made


def test_typed_calls(vm):
    vm.load(MATH)
    assert vm.invoke("add", 2, 3) == 5
    assert vm.invoke("add", 0xFFFF_FFFF, 1) == 0
    assert vm.invoke("add", -5, 3) == -2
    assert vm.invoke("neg", -(1 << 63)) == -(1 << 63)
    assert vm.invoke("half", 5) == 2.5
    assert vm.invoke("swap", 7, 1.5) == (1.5, 7)
    assert vm.invoke("not", bytes(16)) == (1 << 128) - 1
    assert vm.invoke("nothing") is None
    assert vm.invoke("same", None) is None
    assert vm.invoke("same", 41) == 41
    assert "add" in vm.exports


def test_errors_of_calls_are_readable(vm):
    vm.load(MATH)
    with pytest.raises(InvokeError, match=r"exports no 'sub'; its exports: add, neg"):
        vm.invoke("sub")
    with pytest.raises(InvokeError, match=r"add\(i32, i32\) -> i32 takes 2 arguments, 1"):
        vm.invoke("add", 1)
    with pytest.raises(InvokeError, match="argument 2 of add"):
        vm.invoke("add", 1, "two")
    with pytest.raises(InvokeError, match="is a global"):
        vm.invoke("g")
    assert vm.invoke("add", 1, 1) == 2


def test_a_trap_leaves_the_instance_alone(vm):
    vm.load(MATH)
    with pytest.raises(Trap, match="unreachable"):
        vm.invoke("trap")
    assert vm.invoke("add", 1, 1) == 2


def test_state_stays_until_the_next_load(vm):
    vm.load(p.COUNTER)
    assert [vm.invoke("next") for _ in range(3)] == [1, 2, 3]
    vm.load(p.COUNTER)
    assert vm.invoke("next") == 1


def test_bad_modules(vm):
    with pytest.raises(InvalidModule):
        vm.load("(module")
    with pytest.raises(LinkError, match="env"):
        vm.load('(module (import "env" "f" (func)))')
    with pytest.raises(InvokeError, match="no module is loaded"):
        vm.invoke("next")
    vm.load(MATH)


def test_a_wasi_program(vm):
    result = vm.run_wasi(p.hello(b"hi\n"))
    assert (result.stdout, result.stderr, result.exit_code) == (b"hi\n", b"", 0)
    assert result.home is None
    assert vm.run_wasi(p.EXIT_3).exit_code == 3
    assert vm.run_wasi(p.ECHO, stdin=b"x" * 200_000).stdout == b"x" * 200_000
    with pytest.raises(Trap):
        vm.run_wasi(p.TRAP)


def test_home_goes_in_and_comes_out(vm):
    changed = vm.run_wasi(p.WRITE_HOME).home
    with tarfile.open(fileobj=io.BytesIO(changed)) as files:
        assert "a.txt" in [name.split("/")[-1] for name in files.getnames()]
    assert vm.run_wasi(p.READ_FILE, home=changed).stdout == b"data"


def test_limits(vm):
    with pytest.raises(TimedOut):
        vm.run_wasi(p.SPIN, limits=Limits(wall=0.2))
    with pytest.raises(OutputLimitExceeded):
        vm.run_wasi(p.FLOOD, limits=Limits(output=1000))
    assert vm.run_wasi(p.hello()).stdout == b"hello\n"


def test_cancel_from_another_thread(vm):
    vm.load(MATH)
    threading.Timer(0.1, vm.cancel).start()
    with pytest.raises(Interrupted):
        vm.invoke("spin")
    with pytest.raises(InvokeError, match="no module is loaded"):
        vm.invoke("add", 1, 1)


def test_close_twice_and_use_after_close(vm):
    other = MicroVM()
    other.load(MATH)
    other.close()
    other.close()
    for use in (lambda: other.load(MATH), lambda: other.invoke("add", 1, 1)):
        with pytest.raises(Closed):
            use()
    other.cancel()


def test_a_missing_image_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("HYPERCELL_IMAGE", str(tmp_path / "nothing"))
    threads = threading.active_count()
    with pytest.raises(ImageMissing, match="nothing") as caught:
        MicroVM()
    assert "make image" in caught.value.hint
    deadline = time.monotonic() + 240
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == threads
