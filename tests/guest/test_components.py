"""Components in a VM: calls with texts, traps, exits, imports, and what is refused."""

import components as p
import pytest

from hypercell.vmm import abi
from hypercell.vmm.commands import (
    Call,
    Exited,
    Failed,
    Instantiate,
    Invoke,
    Load,
    Ok,
    Trapped,
    Wasi,
)


@pytest.fixture(name="texts")
def texts_fixture(vm):
    return vm, vm.component(p.TEXTS)


@pytest.mark.parametrize("text", ["", "a", "grüße, мир 🙂", "x" * 500_000])
def test_a_text_goes_in_and_out(texts, text):
    vm, instance = texts
    assert vm.run(Call(instance, "echo", (text,))) == Ok(number=1, text=text)


@pytest.mark.parametrize("interface", ["test:texts/texts@0.3.1", "test:texts/texts"])
def test_a_function_of_an_interface_with_and_without_version(texts, interface):
    vm, instance = texts
    assert vm.run(Call(instance, f"{interface}#check", ("ay",))) == Ok(number=1, text="ay")
    assert vm.run(Call(instance, f"{interface}#check", ("no",))) == Ok(number=0, text="no")


def test_no_result_is_an_empty_text(texts):
    vm, instance = texts
    assert vm.run(Call(instance, "nothing")) == Ok(number=1, text="")


@pytest.mark.parametrize(
    ("export", "args", "message"),
    [
        ("absent", (), "no exported function"),
        ("test:texts/texts@0.3.2#echo", ("a",), "no exported function"),
        ("test:texts/texts", (), "no exported function"),
        ("#", (), "no exported function"),
        ("echo", (), "cannot be called with 0 strings"),
        ("echo", ("a", "b"), "cannot be called with 2 strings"),
        ("add", ("1", "2"), "takes (other, other)"),
    ],
)
def test_what_cannot_be_called_is_said(texts, export, args, message):
    vm, instance = texts
    reply = vm.run(Call(instance, export, args))
    assert isinstance(reply, Failed)
    assert reply.status == abi.ST_ERROR
    assert message in reply.message
    assert vm.run(Call(instance, "echo", ("fine",))) == Ok(number=1, text="fine")


def test_a_trap_has_frames_and_ends_the_component(texts):
    vm, instance = texts
    reply = vm.run(Call(instance, "trap", ("a",)))
    assert isinstance(reply, Trapped)
    assert reply.code == abi.TRAP_UNREACHABLE
    assert [frame.name for frame in reply.frames][:1] == ["inner"]
    again = vm.run(Call(instance, "echo", ("a",)))
    assert again == Failed(
        abi.ST_ERROR, "a component trapped before: none of this VM can be called again"
    )
    module = vm.instantiate('(module (func (export "f") (result i32) (i32.const 7)))')
    assert vm.values(module, "f") == [7]


def test_a_text_outside_of_memory_is_an_error_not_a_crash(texts):
    vm, instance = texts
    reply = vm.run(Call(instance, "wild"))
    assert isinstance(reply, Trapped)
    assert "out of bounds" in reply.message


def test_a_result_too_long_for_the_reply_is_an_error(texts):
    vm, instance = texts
    calls = [Call(instance, "echo", ("x" * size,)) for size in (450_000, 550_000)]
    replies = vm.send(*calls)
    assert isinstance(replies[0], Ok)
    assert isinstance(replies[1], Failed)
    assert "are free" in replies[1].message


def test_a_module_is_not_called_and_a_component_not_invoked(vm):
    module = vm.instantiate('(module (func (export "f")))')
    component = vm.component(p.TEXTS)
    assert "is no component" in vm.run(Call(module, "f")).message
    assert "is a component" in vm.run(Invoke(component, "nothing")).message
    assert "there is no instance" in vm.run(Call(9, "f")).message


def test_a_component_has_no_name_for_imports(vm):
    vm.run(Load(vm.map_component(p.TEXTS), component=True))
    reply = vm.run(Instantiate(0, "name"))
    assert isinstance(reply, Failed)
    assert "cannot have a name" in reply.message


def test_code_of_the_other_kind_is_refused(vm):
    for code, component in ((vm.map_code("(module)"), True), (vm.map_component(p.TEXTS), False)):
        reply = vm.run(Load(code, component=component))
        assert isinstance(reply, Failed)
        assert reply.message.startswith("the code cannot be loaded")


# --- programs ---


@pytest.mark.parametrize(("result", "reply"), [(0, Ok(number=1)), (1, Exited(1))])
def test_the_result_of_run_is_the_exit_code(vm, result, reply):
    component = vm.component(p.program(f"(i32.const {result})"))
    assert vm.run(Call(component, "wasi:cli/run#run")) == reply


@pytest.mark.parametrize(
    ("function", "given", "code"),
    [("exit", 0, 0), ("exit", 1, 1), ("exit-with-code", 42, 42), ("exit-with-code", 255, 255)],
)
def test_exit(vm, function, given, code):
    component = vm.component(p.exits(function, given))
    assert vm.run(Call(component, "wasi:cli/run@0.2.3#run")) == Exited(code)


def test_imports_of_wasi_need_a_world(vm):
    vm.run(Load(vm.map_component(p.exits("exit", 0)), component=True))
    reply = vm.run(Instantiate(0))
    assert reply == Failed(
        abi.ST_LINK, "wasi:cli/exit@0.2.0 is imported, but no WASI world is set up"
    )


@pytest.mark.parametrize(
    "interface",
    ["wasi:http/types@0.2.0", "wasi:random/random@0.3.0", "wasi:cli/nothing@0.2.0", "mine"],
)
def test_an_import_that_is_not_there_is_named(vm, interface):
    wat = p.caller(interface, "f", "(result u64)", "(result i64)", "(call $f)")
    vm.run(Load(vm.map_component(wat), component=True))
    reply = vm.send(Wasi(), Instantiate(0))[-1]
    assert isinstance(reply, Failed)
    assert reply.status == abi.ST_LINK
    assert interface in reply.message


@pytest.mark.parametrize("version", ["0.2.0", "0.2.3", "0.2.9", "0.2.12", "0.2.30"])
def test_every_0_2_version_is_served(vm, version):
    wat = p.caller(
        f"wasi:random/random@{version}",
        "get-random-u64",
        "(result u64)",
        "(result i64)",
        "(call $f)",
    )
    vm.component(wat)


# --- the display stream ---


def test_a_display_record_comes_whole_with_its_length(vm):
    instance = vm.component(p.DISPLAY)
    record = '{"text/plain": "' + "ü" * 90_000 + '"}'
    assert vm.run(Call(instance, "show", (record,))) == Ok(number=1)
    shown = record.encode()
    assert vm.host.shown == len(shown).to_bytes(4, "little") + shown
    assert vm.host.stdout == b""


def test_a_display_record_over_the_limit_is_a_trap(vm):
    instance = vm.component(p.DISPLAY)
    reply = vm.run(Call(instance, "huge"))
    assert isinstance(reply, Trapped)
    assert vm.host.shown == b""
