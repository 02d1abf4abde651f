"""The image file itself: what the host relies on, checked without a VM."""

from io import BytesIO
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from hypercell.vmm import abi
from hypercell.vmm.image_path import image_path


@pytest.fixture(scope="module")
def data() -> bytes:
    return image_path().read_bytes()


@pytest.fixture(scope="module")
def elf(data: bytes) -> ELFFile:
    return ELFFile(BytesIO(data))


def test_it_is_small(data):
    assert len(data) < 1_500_000


def test_no_segment_is_writable_and_executable(elf):
    flags = [s["p_flags"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
    assert sorted(flags) == [4, 5, 6]  # R, R-X, RW


def test_segments_are_whole_pages_inside_the_image_range(elf):
    last = abi.IMAGE
    for segment in elf.iter_segments():
        assert segment["p_type"] == "PT_LOAD"
        assert segment["p_vaddr"] % abi.PAGE == segment["p_offset"] % abi.PAGE == 0
        assert segment["p_vaddr"] >= last
        last = segment["p_vaddr"] + segment["p_memsz"]
    assert last <= abi.IMAGE + abi.IMAGE_SIZE


def test_nothing_is_relocated_or_linked_at_run_time(elf):
    assert elf["e_type"] == "ET_EXEC"
    names = {section.name for section in elf.iter_sections()}
    assert names.isdisjoint({".dynamic", ".interp", ".rela.dyn", ".rela.plt", ".rel.dyn", ".tdata"})


def test_the_landing_pads_stand_behind_the_entry(elf):
    text = elf.get_section_by_name(".text")
    assert elf["e_entry"] == text["sh_addr"] == abi.IMAGE
    code = text.data()
    for vector in range(abi.VECTORS):
        pad = code[abi.LANDING_OFFSET + vector * abi.LANDING_STRIDE :]
        assert pad[:2] == bytes((0x6A, vector))  # push vector


def test_no_directory_of_the_building_machine_is_in_it(data):
    for directory in (Path.home(), Path(__file__).resolve().parents[2]):
        assert bytes(directory) + b"/" not in data
    assert b"/crates/wasmtime-48" in data
