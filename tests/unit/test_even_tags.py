"""Modules get an even number of tags, and are else as they were."""

import pytest
import wasmtime

from hypercell.vmm.even_tags import even_tags
from hypercell.vmm.wasm_types import read

TAIL = '(memory 1) (func (export "f") (throw 0 (i32.const 1))) (data (i32.const 0) "x")'


def module(tags: int) -> bytes:
    text = "(tag (param i32))" * tags
    return bytes(wasmtime.wat2wasm(f"(module {text} {TAIL if tags else ''})"))


@pytest.mark.parametrize("tags", [1, 3, 127, 255])
def test_an_odd_number_becomes_even(tags: int):
    odd = module(tags)
    even = even_tags(odd)
    assert even == module(tags + 1)
    wasmtime.Module(wasmtime.Engine(), even)
    assert read(even) == read(odd)


@pytest.mark.parametrize("tags", [0, 2, 128])
def test_an_even_number_stays(tags: int):
    assert even_tags(module(tags)) == module(tags)


def test_damaged_modules_stay_as_they_are():
    whole = module(1)
    for size in range(len(whole)):
        cut = whole[:size]
        assert even_tags(cut) in (cut, even_tags(whole)[: len(even_tags(cut))])
    assert even_tags(b"\0asm\1\0\0\0\x0d\x02\x05\x00") == b"\0asm\1\0\0\0\x0d\x02\x05\x00"
    assert even_tags(b"\0asm\1\0\0\0\x0d\xff\xff\xff\xff\xff\xff") is not None
    assert even_tags(b"") == b""


@pytest.mark.parametrize("tags", [0, 1, 2])
def test_modules_in_components_too(tags: int):
    def component(count: int) -> bytes:
        inner = f"(core module {'(tag (param i32))' * count} {TAIL if count else ''})"
        text = f"(component {inner} (component {inner}) (core module (memory 1)))"
        return bytes(wasmtime.wat2wasm(text))

    assert even_tags(component(tags)) == component(tags + tags % 2)


def test_components_nested_without_end_are_left_to_the_validator():
    inner = b"\0asm\x0d\0\1\0"
    for _ in range(3000):
        size = len(inner)
        leb = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
        inner = b"\0asm\x0d\0\1\0\4" + leb + inner
    assert even_tags(inner) == inner
