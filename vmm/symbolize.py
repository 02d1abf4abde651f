"""Source lines of a module's code, from the DWARF in its custom sections.

DWARF is hostile input: this runs in a child of the compiler, bounded in time and memory like a
compile. What cannot be read has no line.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elftools.dwarf.dwarfinfo import DWARFInfo

_CODE_SECTION = 10
_WASM32_ADDRESS = 4
_MAX_PATH = 4096
_SECTIONS = (
    ".debug_info",
    ".debug_aranges",
    ".debug_abbrev",
    ".debug_frame",
    "",  # eh_frame
    ".debug_str",
    ".debug_loc",
    ".debug_ranges",
    ".debug_line",
    ".debug_pubtypes",
    ".debug_pubnames",
    ".debug_addr",
    ".debug_str_offsets",
    ".debug_line_str",
    ".debug_loclists",
    ".debug_rnglists",
    "",  # debug_sup
    "",  # gnu_debugaltlink
    ".debug_types",
)

Place = tuple[str, int]


def places(wasm: bytes, offsets: tuple[int, ...]) -> tuple[Place | None, ...]:
    """File and line of each offset into the module's bytes, None where unknown."""
    try:
        sections, code = _sections(wasm)
        if ".debug_line" not in sections or ".debug_info" not in sections:
            return (None,) * len(offsets)
        return _look_up(_dwarf(sections), [offset - code for offset in offsets])
    except MemoryError:
        raise
    except Exception:  # pyelftools raises many kinds on damaged input
        return (None,) * len(offsets)


def _sections(wasm: bytes) -> tuple[dict[str, bytes], int]:
    """The .debug_* sections by name, and where the contents of the code section begin."""
    found: dict[str, bytes] = {}
    code = 0
    at = 8
    while at < len(wasm):
        number = wasm[at]
        size, at = _leb(wasm, at + 1)
        if number == 0:
            length, start = _leb(wasm, at)
            name = wasm[start : start + length].decode("utf-8", "replace")
            if name.startswith(".debug_"):
                found[name] = wasm[start + length : at + size]
        elif number == _CODE_SECTION:
            code = at
        at += size
    return found, code


def _leb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def preload() -> None:
    """Import what ``places`` needs: where it runs, nothing can be opened."""
    from elftools.dwarf import dwarfinfo

    _ = dwarfinfo


def _dwarf(sections: dict[str, bytes]) -> DWARFInfo:
    from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

    def descriptor(name: str) -> Any:
        data = sections.get(name)
        if data is None:
            return None
        return DebugSectionDescriptor(io.BytesIO(data), name, 0, len(data), 0)

    config = DwarfConfig(True, "x86", _WASM32_ADDRESS)
    return DWARFInfo(config, *map(descriptor, _SECTIONS))


def _look_up(dwarf: DWARFInfo, wanted: list[int]) -> tuple[Place | None, ...]:
    found: dict[int, Place] = {}
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        if program is None:
            continue
        previous = None
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if previous is not None:
                for address in wanted:
                    if previous.address <= address < state.address and previous.line:
                        # The last row wins: function 0 of a discarded section lies at 0 as well.
                        found[address] = (_file(unit, program, previous.file), previous.line)
            previous = None if state.end_sequence else state
    return tuple(found.get(address) for address in wanted)


def _file(unit: Any, program: Any, index: int) -> str:
    header = program.header
    entries = header["file_entry"]
    if header["version"] < 5:
        index -= 1
    if not 0 <= index < len(entries):
        return ""
    entry = entries[index]
    name: str = entry.name.decode("utf-8", "replace")
    directories = header["include_directory"]
    directory = entry.dir_index - (header["version"] < 5)
    if not name.startswith("/"):
        if 0 <= directory < len(directories):
            name = f"{directories[directory].decode('utf-8', 'replace')}/{name}"
        elif directory < 0:
            top = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
            if top is not None:
                name = f"{top.value.decode('utf-8', 'replace')}/{name}"
    return name[:_MAX_PATH]
