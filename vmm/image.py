"""The guest image, loaded once and booted many times."""

from __future__ import annotations

import os
from pathlib import Path

from hypercell.vmm import abi, cpu_state, elf, page_tables
from hypercell.vmm.errors import ImageMissing
from hypercell.vmm.guest_memory import GuestMemory


class GuestImage:
    """A static ELF for ring 3, with its entry jump and 32 landing pads first."""

    def __init__(self, data: bytes) -> None:
        image = elf.read_image(data)
        self.entry = image.entry
        self.segments = image.segments

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GuestImage:
        """Read an image file. Raises ``ImageMissing``."""
        try:
            return cls(Path(path).read_bytes())
        except OSError as error:
            message = f"cannot read the guest image {os.fspath(path)}: {error.strerror}"
            raise ImageMissing(message, hint="build it: make image") from error

    def write_to(self, memory: GuestMemory) -> None:
        """Write image, descriptor tables, stub and static page tables into fresh memory."""
        page_tables.write_static(memory, self.segments)
        for segment in self.segments:
            memory.write(segment.address, segment.data)
        for gpa, data in (
            (abi.GDT, cpu_state.gdt()),
            (abi.IDT, cpu_state.idt()),
            (abi.TSS, cpu_state.tss()),
            (abi.STUB, cpu_state.stub()),
            (abi.FRAMES, cpu_state.frames(self.entry)),
        ):
            memory.write(gpa, data)

    def registers(self) -> cpu_state.Registers:
        """Return the registers of a cold start."""
        return cpu_state.Registers(rip=self.entry, rsp=abi.STACK + abi.STACK_SIZE)
