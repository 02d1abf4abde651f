"""The owner's configuration in a kernel: what it sets, and what happens when it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_kernel import ADD, FOREVER, SECONDS, Client, start

Configured = Callable[[str], Client]


@pytest.fixture
def configured(kernelspec: Path, tmp_path: Path) -> Iterator[Configured]:
    """Starts kernels with the text of a configuration."""
    started: list[Client] = []

    def make(text: str) -> Client:
        path = tmp_path / "config.toml"
        path.write_text(text)
        started.append(start(kernelspec, HYPERCELL_CONFIG=str(path)))
        return started[-1]

    yield make
    for client in started:
        client.client.stop_channels()
        client.manager.shutdown_kernel(now=True)


def test_limits_and_the_default_language(configured: Configured) -> None:
    kernel = configured('language = "wat"\n[limits]\ntimeout = 0.2\n[maximum]\ntimeout = 1\n')
    info = kernel.client.kernel_info(reply=True, timeout=SECONDS)["content"]["language_info"]
    assert (info["name"], info["file_extension"]) == ("wat", ".wat")
    assert kernel.run(FOREVER).error == "TimedOut"
    assert "0.2 s" in kernel.run("%limits").result
    assert kernel.run(f"%%wat --timeout 1\n{ADD}").error == ""
    assert kernel.run(f"%%wat --timeout 2\n{ADD}").error == "LimitRefused"


def test_a_wrong_configuration_is_said_by_every_cell_and_nothing_runs(
    configured: Configured,
) -> None:
    kernel = configured("[limits]\ntimeuot = 3\n")
    for code in (f"%%wat --invoke add 1 2\n{ADD}", "%limits"):
        outcome = kernel.run(code)
        assert outcome.error == "ConfigError"
        assert "config.toml:2" in outcome.reply["evalue"]


def test_a_default_language_that_does_not_exist(configured: Configured) -> None:
    kernel = configured('language = "cobol"\n')
    assert kernel.run("DISPLAY 'x'").error == "UsageError"
    assert kernel.run(f"%%wat --invoke add 1 2\n{ADD}").error == ""


def test_a_granted_directory_is_read_only(configured: Configured, tmp_path: Path) -> None:
    granted = tmp_path / "granted"
    granted.mkdir()
    (granted / "x.txt").write_text("from the host")
    kernel = configured(f'[grants]\ndirectories = ["{granted}::/data"]\n')
    outcome = kernel.run(
        '%%c\nchar b[99] = ""; fgets(b, 99, fopen("/data/x.txt", "r")); puts(b);\n'
        'printf("%d", fopen("/data/x.txt", "w") == NULL);'
    )
    assert (outcome.error, outcome.stream()) == ("", "from the host\n1")
    assert (granted / "x.txt").read_text() == "from the host"
