"""The cache on disk: damage, limits, company, and no disk at all."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hypercell.vmm import cache as module
from hypercell.vmm import memfd
from hypercell.vmm.cache import LAYOUT, Cache, digest
from hypercell.vmm.code_cache import CodeCache


@pytest.fixture
def cache(tmp_path):
    made = Cache(tmp_path, max_bytes=1 << 20)
    assert not made.note
    yield made
    made.close()


def entry_file(cache, room, key):
    return cache.root / f"{room}-{key}"


def test_what_was_put_comes_back(cache):
    assert cache.get("code", "abc") is None
    assert cache.put("code", "abc", b"data" * 1000, meta=b"meta")
    assert cache.get("code", "abc") == b"data" * 1000
    entry = cache.open("code", "abc")
    assert entry.meta == b"meta"
    assert memfd.is_sealed(entry.fd)
    os.close(entry.fd)
    assert cache.get("build", "abc") is None


def test_an_entry_can_be_replaced_and_dropped(cache):
    cache.put("code", "a", b"one")
    cache.put("code", "a", b"two")
    assert cache.get("code", "a") == b"two"
    cache.drop("code", "a")
    assert cache.get("code", "a") is None


@pytest.mark.parametrize("position", [0, 9, 17, 30, 56, 60, -1])
def test_every_damaged_byte_is_found_and_the_entry_deleted(cache, position):
    cache.put("code", "a", b"x" * 100, meta=b"meta")
    path = entry_file(cache, "code", "a")
    data = bytearray(path.read_bytes())
    data[position] ^= 0x40
    path.write_bytes(data)
    assert cache.get("code", "a") is None
    assert not path.exists()


@pytest.mark.parametrize("size", [0, 1, 55, 56, 57, 120])
def test_a_truncated_entry_is_deleted(cache, size):
    cache.put("code", "a", b"x" * 100, meta=b"meta")
    path = entry_file(cache, "code", "a")
    os.truncate(path, size)
    assert cache.get("code", "a") is None
    assert not path.exists()


def test_an_entry_under_another_name_is_refused(cache):
    cache.put("code", "a", b"mine")
    entry_file(cache, "code", "a").rename(entry_file(cache, "code", "b"))
    assert cache.get("code", "b") is None


def test_the_oldest_go_when_it_is_full(cache):
    for number in range(40):
        assert cache.put("code", f"k{number}", bytes(60_000))
        os.utime(entry_file(cache, "code", f"k{number}"), (number, number))
        if number:
            assert cache.get("code", "k0") is not None  # reading keeps it young
    assert cache.size() <= cache.max_bytes + 120_000
    assert cache.get("code", "k39") is not None
    assert cache.get("code", "k1") is None


def test_more_than_fits_is_not_kept(cache):
    assert not cache.put("code", "a", bytes(2 << 20))
    assert cache.get("code", "a") is None


def test_a_half_written_entry_is_invisible_and_swept(cache):
    stale = cache.root / "tmp-1-abc"
    stale.write_bytes(b"half")
    os.utime(stale, (0, 0))
    fresh = cache.root / "tmp-2-def"
    fresh.write_bytes(b"half")
    cache.put("code", "a", b"data")
    assert not stale.exists()
    assert fresh.exists()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_directory_that_others_can_enter_is_refused(tmp_path, mode):
    (tmp_path / LAYOUT).mkdir()
    (tmp_path / LAYOUT).chmod(mode)
    refused = Cache(tmp_path)
    assert "chmod 700" in refused.note
    assert not refused.put("code", "a", b"data")
    assert refused.get("code", "a") is None


def test_a_symlink_as_directory_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / LAYOUT).symlink_to(tmp_path / "elsewhere")
    assert Cache(tmp_path).note


def test_a_symlink_as_entry_is_not_followed(cache, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    entry_file(cache, "code", "a").symlink_to(tmp_path / "secret")
    assert cache.get("code", "a") is None


def test_no_place_for_a_cache_is_a_note_and_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    broken = Cache(tmp_path / "file")
    assert broken.note
    assert not broken.put("code", "a", b"data")
    assert broken.get("code", "a") is None
    broken.close()
    broken.close()


def test_a_deleted_directory_is_a_note_and_no_error(cache):
    cache.put("code", "a", b"data")
    for path in cache.root.iterdir():
        path.unlink()
    cache.root.rmdir()
    assert cache.get("code", "a") is None
    assert not cache.put("code", "b", b"data")
    assert cache.note


@pytest.mark.parametrize("key", ["../x", "a/b", "a.b", "a\0b", "x" * 300])
def test_a_key_is_never_a_path(cache, key):
    with pytest.raises(ValueError, match="cache key"):
        cache.put("code", key, b"data")


def test_the_borders_of_key_parts_count():
    assert digest("ab", "c") != digest("a", "bc")
    assert digest(b"ab") == digest("ab")


HAMMER = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from hypercell.vmm.cache import Cache
cache = Cache(Path(sys.argv[1]), max_bytes=200_000)
for round in range(150):
    for key in range(8):
        wanted = bytes([key]) * (1000 + 5000 * key)
        found = cache.get("code", f"k{key}")
        assert found in (None, wanted), (key, len(found))
        if found is None or round % 3 == 0:
            cache.put("code", f"k{key}", wanted)
assert not cache.note, cache.note
"""


def test_processes_share_it_and_may_be_killed(tmp_path):
    hammers = [subprocess.Popen([sys.executable, "-c", HAMMER, str(tmp_path)]) for _ in range(3)]
    victim = subprocess.Popen([sys.executable, "-c", HAMMER, str(tmp_path)])
    victim.kill()
    victim.wait()
    assert [hammer.wait() for hammer in hammers] == [0, 0, 0]
    cache = Cache(tmp_path)
    for key in range(8):
        assert cache.get("code", f"k{key}") in (None, bytes([key]) * (1000 + 5000 * key))
    cache.close()


def test_what_is_stored_anew_is_read_anew(cache):
    for data in (b"one", b"two"):
        assert cache.put("build", "key", data)
        assert cache.get("build", "key") == data
        assert cache.get("build", "key") == data


def test_a_thread_that_writes_when_the_cache_is_closed_writes_there(tmp_path, monkeypatch):
    """Its descriptor is not another file's meanwhile, nor none: that would be the directory that
    the kernel runs in.
    """
    cache = Cache(tmp_path / "cache")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    begun, closed = threading.Event(), threading.Event()
    write_all = module._write_all

    def slow(fd, data):
        begun.set()
        assert closed.wait(60)
        write_all(fd, data)

    monkeypatch.setattr(module, "_write_all", slow)
    with ThreadPoolExecutor() as threads:
        written = threads.submit(cache.put, "code", "abc", b"data")
        assert begun.wait(60)
        cache.close()
        closed.set()
        assert written.result()
    assert list(here.iterdir()) == []
    assert Cache(tmp_path / "cache").get("code", "abc") == b"data"


def test_an_entry_of_another_version_is_dropped_and_closed(cache):
    cache.put("code", "abc", b"data", meta=b"\xc1")
    before = os.listdir("/proc/self/fd")
    assert CodeCache(cache, None)._from_disk("abc") is None
    assert os.listdir("/proc/self/fd") == before
    assert not cache.has("code", "abc")
