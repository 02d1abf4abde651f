"""What works on this machine, and what to do about the rest."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

import msgspec

from hypercell.kernel.config import config_path, load_config
from hypercell.kernel.kernelspec import installed
from hypercell.kernel.kvm_probe import probe
from hypercell.kernel.sizes import format_size
from hypercell.kernel.toolchains import list_toolchains
from hypercell.vmm import instruction_sets, jail, landlock
from hypercell.vmm.engine_config import ISA_FLAGS
from hypercell.vmm.errors import HypercellError
from hypercell.vmm.image_path import image_path
from hypercell.vmm.isolation import refusal

LEAST_MEMORY = 2 << 30
COMPILER_MEMORY = 3 << 30  # the toolchain's one big compile takes 2.1 GB


class State(Enum):
    """Of one check. Only ``FAILED`` makes the doctor's exit code 1."""

    GOOD = "ok"
    NOTE = "note"  # works, but there is something to know
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """One line of the report; ``hint`` says what to do and may have several lines."""

    name: str
    state: State
    text: str
    hint: str = ""


def examine() -> Iterator[Check]:
    """Every check, in the order in which a remedy makes sense. No check starts a VM."""
    for check in (
        _machine,
        _kvm,
        _jail,
        _image,
        _cpu,
        _memory,
        _config,
        _cache,
        _toolchains,
        _kernelspec,
    ):
        try:
            yield check()
        except HypercellError as error:
            yield Check(_name(check), State.FAILED, error.message, error.hint)


def _name(check: Callable[[], Check]) -> str:
    return check.__name__.strip("_")


def isolation() -> list[tuple[str, bool]]:
    """The layers around a cell, and whether each can be in force on this machine."""
    missing = jail.problems()
    return [
        ("Wasm validation, Cranelift's sandbox with guard pages", True),
        ("a VM of its own for every cell: ring 3, W^X, one I/O port, no devices", True),
        ("page tables, IDT and TSS out of the guest's reach", True),
        ("a process of its own for every VM, gone with it", True),
        ("no_new_privs, no capabilities, rlimits, own session, no environment", True),
        ("seccomp: only the system calls on their list, else SIGSYS", "seccomp" not in missing),
        ("landlock: no files, no TCP, no signals to the outside", "landlock" not in missing),
    ]


def _machine() -> Check:
    text = f"{platform.system()} {platform.release()}, {platform.machine()}, "
    text += f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Check("machine", State.FAILED, text, "Hypercell needs Linux on x86-64")
    return Check("machine", State.GOOD, text)


def _kvm() -> Check:
    found = probe()
    if found.problem:
        return Check("kvm", State.FAILED, found.problem, found.hint)
    return Check("kvm", State.GOOD, f"API {found.api_version}, {found.backend}")


def _jail() -> Check:
    missing = jail.problems()
    if not missing:
        return Check("jail", State.GOOD, f"seccomp, landlock version {landlock.version()}")
    allowed = load_config().allow_missing
    text = "; ".join(f"without {layer} ({why})" for layer, why in missing.items())
    refused = [refusal(layer, why) for layer, why in missing.items() if layer not in allowed]
    if refused:
        return Check("jail", State.FAILED, text, "\n".join(error.hint for error in refused))
    return Check("jail", State.NOTE, text, "allowed by your configuration; every cell says so")


def _image() -> Check:
    path = image_path()
    return Check("image", State.GOOD, f"{path} ({format_size(path.stat().st_size)})")


def _cpu() -> Check:
    # The .cwasm that our compiler makes uses these; the guest refuses it where one is missing.
    missing = sorted(set(ISA_FLAGS.values()) - instruction_sets.host_flags())
    if missing:
        return Check(
            "cpu",
            State.FAILED,
            f"without {', '.join(missing)}",
            "a processor from 2015 or later is needed; in a VM: cpu mode host-passthrough",
        )
    return Check("cpu", State.GOOD, "AVX2, FMA, BMI2")


def _memory() -> Check:
    values = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0]) * 1024
    total, free = values["MemTotal"], values["MemAvailable"]
    text = f"{format_size(free)} of {format_size(total)} available"
    if free < LEAST_MEMORY:
        hint = "close something: a cell may take 512 MiB, the C toolchain's installation 2 GiB"
        return Check("memory", State.NOTE, text, hint)
    if free < COMPILER_MEMORY:
        return Check("memory", State.NOTE, text, "tight for `hypercell toolchain install c`")
    return Check("memory", State.GOOD, text)


def _config() -> Check:
    config = load_config()
    if config.path is None:
        return Check("config", State.GOOD, f"defaults (no {config_path()})")
    return Check("config", State.GOOD, str(config.path))


def _cache() -> Check:
    from hypercell.vmm.cache import Cache

    cache = Cache()
    try:
        if cache.note:
            hint = "cells work, but nothing is kept: make the directory yours and writable"
            return Check("cache", State.NOTE, cache.note, hint)
        return Check("cache", State.GOOD, f"{cache.root} ({format_size(cache.size())})")
    finally:
        cache.close()


def _toolchains() -> Check:
    found = list_toolchains()
    text = ", ".join(f"{t.name}: {t.state} ({t.package} {t.version})" for t in found)
    wanting = [t.name for t in found if t.state != "installed"]
    if wanting:
        failed = any(t.state not in ("installed", "uncompiled") for t in found)
        hint = f"run: hypercell toolchain install {' '.join(wanting)}"
        if not failed:
            hint = f"the next cell compiles it again, up to a minute; or {hint}"
        return Check("toolchains", State.FAILED if failed else State.NOTE, text, hint)
    return Check("toolchains", State.GOOD, text)


def _kernelspec() -> Check:
    found = installed()
    hint = "run: hypercell install --sys-prefix (or --user)"
    if not found:
        return Check("kernelspec", State.FAILED, "Jupyter does not know the kernel", hint)
    text = ", ".join(f"{name} in {directory}" for name, (directory, _) in found.items())
    gone = [name for name, (_, argv) in found.items() if not os.access(argv[0], os.X_OK)]
    if gone:
        return Check("kernelspec", State.FAILED, f"{', '.join(gone)}: its Python is gone", hint)
    loose = [name for name, (_, argv) in found.items() if "-P" not in argv]
    if loose:
        why = "its kernel imports modules that lie beside a notebook"
        return Check("kernelspec", State.FAILED, f"{', '.join(loose)}: {why}", hint)
    return Check("kernelspec", State.GOOD, text)
