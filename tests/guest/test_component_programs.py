"""Components through all processes: compiled, described, parked VMs, programs, the sync facade."""

import components as p
import pytest
from hypervisor_fixtures import cache_fixture, hypervisor_fixture  # noqa: F401

from hypercell.vmm import ExportType, MicroVM, abi
from hypercell.vmm import commands as c
from hypercell.vmm.cache import ENVIRONMENT
from hypercell.vmm.errors import InvokeError, LinkError, Trap


async def test_a_component_is_described(hypervisor):
    code = await hypervisor.compile(p.TEXTS)
    assert code.component
    functions = {export.name: export for export in code.exports}
    assert functions["echo"] == ExportType("echo", "func", ("string",), ("string",))
    check = functions["test:texts/texts@0.3.1#check"]
    assert check.results == ("result<string, string>",)
    assert not any(export.is_start for export in code.exports)
    program = await hypervisor.compile(p.exits("exit", 0))
    assert [export.name for export in program.exports if export.is_start] == [
        "wasi:cli/run@0.2.3#run"
    ]
    assert [found.module for found in program.imports] == ["wasi:cli/exit@0.2.0"]


async def test_state_display_and_snapshot(hypervisor):
    """What an instance holds is there in every fork of its snapshot."""
    code = await hypervisor.compile(p.DISPLAY)
    setup = [c.Load(0, component=True), c.Wasi(), c.Instantiate(0)]
    snapshot = await hypervisor.make_snapshot(setup, code=[code], name="display")
    for record in ("{}", '{"a": 1}'):
        seen = []
        async with await hypervisor.acquire(snapshot) as vm:
            show = c.Call(0, "show", (record,))
            replies = await vm.run([show], on_output=lambda *piece, seen=seen: seen.append(piece))
        assert replies == [c.Ok(number=1)]
        assert {stream for stream, _ in seen} == {abi.STREAM_DISPLAY}
        data = b"".join(piece for _, piece in seen)
        assert data == len(record).to_bytes(4, "little") + record.encode()


@pytest.fixture(scope="module", name="microvm")
def microvm_fixture(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, str(tmp_path_factory.getbasetemp() / "cache"))
        with MicroVM() as made:
            yield made


@pytest.mark.parametrize(("function", "code"), [("exit", 1), ("exit-with-code", 42)])
def test_a_program_has_an_exit_code(microvm, function, code):
    assert microvm.run_wasi(p.exits(function, code)).exit_code == code


@pytest.mark.parametrize("result", [0, 1])
def test_a_program_ends_with_its_result(microvm, result):
    assert microvm.run_wasi(p.program(f"(i32.const {result})")).exit_code == result


def test_a_component_is_called_with_texts(microvm):
    microvm.load(p.TEXTS)
    assert microvm.invoke("echo", "ü") == "ü"
    assert microvm.invoke("test:texts/texts#check", "a") == "a"
    with pytest.raises(InvokeError, match="an error: b"):
        microvm.invoke("test:texts/texts#check", "b")
    with pytest.raises(InvokeError, match="strings"):
        microvm.invoke("add", 1, 2)
    with pytest.raises(Trap):
        microvm.invoke("trap", "a")
    with pytest.raises(InvokeError, match="trapped before"):
        microvm.invoke("echo", "a")


def test_a_missing_import_is_a_link_error(microvm):
    wat = p.caller("my:own/thing", "f", "(result u64)", "(result i64)", "(call $f)")
    with pytest.raises(LinkError, match="my:own/thing"):
        microvm.load(wat)
