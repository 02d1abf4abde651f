"""The command line without a VM: arguments, exit codes, errors on stderr, no traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hypercell.kernel.calls import signature
from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.cli.main import report
from hypercell.kernel.cli.output import Output
from hypercell.kernel.cli.parser import build_parser
from hypercell.kernel.errors import UsageError
from hypercell.kernel.kernelspec import install, kernel_json
from hypercell.kernel.result import Shown
from hypercell.vmm import errors
from hypercell.vmm.program import ExportType


def hypercell(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hypercell.kernel.cli.main", *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin", "HOME": "/nonexistent", **environ},
        timeout=550,
    )


def test_without_a_command_it_says_which_there_are() -> None:
    done = hypercell()
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "hypercell doctor" in done.stderr
    assert "run a .c, .py" in done.stderr


@pytest.mark.parametrize("command", ["install", "toolchain", "doctor", "config", "run"])
def test_every_command_says_what_it_is_for(command: str) -> None:
    said = hypercell(command, "--help").stdout
    assert len(said.partition("\n\n")[2].partition("\n\n")[0]) > 80
    assert "%%%" not in said


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from hypercell.kernel.cli.parser import build_parser; build_parser();"
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('rich', 'wasmtime', 'zmq', 'ipykernel', 'jupyter_client', 'asyncio', 'cffi')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "words", [[], ["run"], ["nonsense"], ["install"], ["run", "x.c", "--timeout", "0"]]
)
def test_wrong_usage(words: list[str]) -> None:
    done = hypercell(*words)
    assert done.returncode == Exit.USAGE
    assert "usage: hypercell" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["run", "--help"], ["toolchain", "install", "--help"]],
)
def test_help_and_version(words: list[str]) -> None:
    done = hypercell(*words)
    assert done.returncode == 0
    assert "hypercell" in done.stdout


def test_run_arguments() -> None:
    words = "run a.wat --invoke add 2 -3 --invoke sub 1 --env A=b=c --mem 64M --timeout 2.5"
    options = build_parser().parse_args([*words.split(), "--stdin", "", "--dir", "x::/y"])
    assert options.invoke == [["add", "2", "-3"], ["sub", "1"]]
    assert options.env == [("A", "b=c")]
    assert (options.mem, options.timeout, options.stdin) == (64 << 20, 2.5, "")
    assert (options.file, options.dir) == (Path("a.wat"), ["x::/y"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Trap("unreachable"), 134),
        (errors.TimedOut("30 s"), 124),
        (errors.Interrupted("by you"), 130),
        (errors.KvmUnavailable("no /dev/kvm"), 125),
        (errors.InvalidModule("bad magic"), 125),
    ],
)
def test_exit_codes_of_run(error: errors.HypercellError, code: int) -> None:
    assert Exit.of_program(error) == code


def test_names_of_a_module_do_not_act_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    export = ExportType("f", "func", ("\x1b]0;title\x07",))
    Output()(Shown(signature(export)))
    report(UsageError("\x1b]0;title\x07", hint="\x1b[2J"))
    captured = capsys.readouterr()
    assert "title" in captured.out
    assert "title" in captured.err
    assert "\x1b" not in captured.out + captured.err
    assert "\x07" not in captured.out + captured.err


def test_config_prints_origins(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[limits]\ntimeout = 7\n")
    done = hypercell("config", HYPERCELL_CONFIG=str(file))
    assert done.returncode == 0
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["limits.timeout", "7", "s", f"{file}:2"] in rows
    assert ["cache", "/nonexistent/.cache/hypercell", "default"] in rows
    assert "\x1b" not in done.stdout
    assert hypercell("config", "--path", HYPERCELL_CONFIG=str(file)).stdout.strip() == str(file)


def test_config_error_is_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[limits]\ntimout = 7\n")
    done = hypercell("config", HYPERCELL_CONFIG=str(file))
    assert done.returncode == Exit.FAILED
    assert done.stderr.splitlines() == [
        f"hypercell: {file}:2: limits.timout: unknown key",
        "hypercell: hint: did you mean 'timeout'?",
    ]


def test_install_writes_a_kernelspec(tmp_path: Path) -> None:
    done = hypercell("install", "--prefix", str(tmp_path), "--name", "mine")
    target = tmp_path / "share" / "jupyter" / "kernels" / "mine"
    assert done.stdout.strip() == str(target)
    spec = json.loads((target / "kernel.json").read_text())
    assert spec == kernel_json("Hypercell (mine)")
    assert spec["interrupt_mode"] == "message"
    assert spec["argv"][1:] == ["-P", "-m", "hypercell.kernel", "-f", "{connection_file}"]
    for logo in ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg"):
        assert (target / logo).is_file()


def test_install_refuses_a_bad_name_and_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Invalid kernel"):
        install(prefix=str(tmp_path), name="a/b")
    (tmp_path / "share").write_text("a file")
    done = hypercell("install", "--prefix", str(tmp_path))
    assert done.returncode == Exit.FAILED
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    words = [sys.executable, "-m", "hypercell.kernel.cli.main", "config"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == Exit.BROKEN_PIPE
