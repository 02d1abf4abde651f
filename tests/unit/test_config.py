"""The owner's configuration: every key, every way to get it wrong, and where it says so."""

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from hypercell.kernel.config import Config, config_path, load_config, parse_config
from hypercell.kernel.config_keys import LIMIT_KEYS
from hypercell.kernel.errors import ConfigError
from hypercell.kernel.grants import DirectoryGrant, pack_directory, parse_directory
from hypercell.kernel.pack import open_directory, pack_tree
from hypercell.kernel.sizes import format_size, parse_size
from hypercell.vmm.program import MIB, Limits

FILE = Path("/etc/hypercell.toml")


def parse(text: str) -> Config:
    return parse_config(text.encode(), FILE)


def test_no_file_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path({}) == tmp_path / "hypercell" / "config.toml"
    assert load_config(environ={}) == Config()


def test_every_key() -> None:
    config = parse("""
language = "wat"
[limits]
memory = "64 MiB"
timeout = 5
output = 1048576
home = "1M"
home_files = 10
tmp = "2MiB"
tmp_files = 20
[maximum]
memory = "1G"
[isolation]
level = "vm"
allow_missing = ["landlock"]
[grants]
directories = ["/srv/data::/data"]
packages = []
network = []
""")
    assert config.language == "wat"
    assert config.limits == Limits(64 * MIB, 5.0, MIB, MIB, 10, 2 * MIB, 20)
    assert config.maximum == Limits(1024 * MIB, 5.0, MIB, MIB, 10, 2 * MIB, 20)
    assert config.directories == (DirectoryGrant(Path("/srv/data"), "/data"),)
    assert config.origins["limits.timeout"] == f"{FILE}:5"
    assert config.origins["maximum.memory"] == f"{FILE}:12"
    assert config.allow_missing == ("landlock",)
    rows = {key: origin for key, _, origin in config.rows()}
    assert rows["maximum.timeout"] == "default"
    assert rows["language"] == f"{FILE}:2"


def test_every_limit_has_a_key() -> None:
    assert {field for field, _ in LIMIT_KEYS.values()} == set(Limits.__struct_fields__)


def test_the_maximum_follows_the_limits() -> None:
    assert parse("[limits]\ntimeout = 99").maximum.wall == 99.0


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("[limits]\nmemry = 1", 2, "limits.memry: unknown key", "did you mean 'memory'?"),
        ("colour = 1", 1, "colour: unknown key", "known: grants"),
        ("[limit]\nmemory = 1", 1, "limit: unknown key", "did you mean 'limits'?"),
        ("limits = 1", 1, "must be a table", "[limits]"),
        ("[limits]\n\nmemory = '1 elephant'", 3, "not a size", "512 MiB"),
        ("[limits]\nmemory = true", 2, "true and false", "512 MiB"),
        ("[limits]\nmemory = -1", 2, "not a size", "512 MiB"),
        ("[limits]\ntimeout = 0", 2, "not between", "2.5"),
        ("[limits]\ntimeout = nan", 2, "not between", "2.5"),
        ("[limits]\ntimeout = '5'", 2, "is not a second", "2.5"),
        ("[limits]\nhome_files = 1.5", 2, "is not a count", "4096"),
        ("[maximum]\ntimeout = 1", 2, "below the default", "raise it"),
        ("[isolation]\nlevel = 'process'", 2, "not a level", '"vm"'),
        ("[isolation]\nallow_missing = ['kvm']", 2, "not a layer", "seccomp, landlock"),
        ("[grants]\npackages = ['a b']", 2, "no name of a package", "attrs"),
        ("[grants]\nnetwork = ['example.org']", 2, "no way to grant", "remove network"),
        ("[grants]\ndirectories = '/srv'", 2, "list of strings", "…"),
        ("[grants]\ndirectories = ['/srv::/home/x']", 2, "belongs to the cell", "HOST::GUEST"),
        ("[grants]\ndirectories = ['~nobody-here/x']", 2, "home directory", "HOST::GUEST"),
        ('[grants]\ndirectories = ["/srv/\\u0000::/x"]', 2, "NUL", "HOST::GUEST"),
        ("[output]\nscripts = 'yes'", 2, "not true or false", "without quotes"),
        ("[output]\nscript = true", 2, "unknown key", "did you mean 'scripts'?"),
        ("language = 3", 1, "not a string", '"…"'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    text: str, line: int, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.message.startswith(f"{FILE}:{line}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "data",
    [b"a = ", b"\xff", b"[limits", b"a = " + b"9" * 5000, b"a = " + b"[" * 100_000],
    ids=["no value", "not UTF-8", "cut off", "a number too long", "nested too deep"],
)
def test_not_toml(data: bytes) -> None:
    with pytest.raises(ConfigError, match="not TOML"):
        parse_config(data, FILE)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(environ={"HYPERCELL_CONFIG": str(tmp_path / "none.toml")})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("#" * (1 << 20) + "\n#")
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_config(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("64M", 64 * MIB), ("64 MiB", 64 * MIB), ("2gib", 2048 * MIB)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5M", "M", "1 X", "9999G", "1e6", "1\n2"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|between"):
        parse_size(text)


def test_directory_words(tmp_path: Path) -> None:
    assert parse_directory("data::/d/../e", tmp_path) == DirectoryGrant(tmp_path / "data", "/e")
    assert parse_directory("/srv/x", tmp_path) == DirectoryGrant(Path("/srv/x"), "/srv/x")
    for bad in ("", "::/x", "/a::/", "/a::/tmp", "/a::/x/../home", "/a::/dev/null"):
        with pytest.raises(ValueError, match=r"names no directory|belongs to the cell"):
            parse_directory(bad, tmp_path)


def test_a_packed_directory_holds_files_and_nothing_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("A")
    (tmp_path / "link").symlink_to("sub/a.txt")
    os.mkfifo(tmp_path / "pipe")
    data = pack_directory(DirectoryGrant(tmp_path, "/very/deep"))
    with tarfile.open(fileobj=BytesIO(data)) as tar:
        members = {member.name: member for member in tar}
    assert set(members) == {"very", "very/deep", "very/deep/sub", "very/deep/sub/a.txt"} | {
        "very/deep/link"
    }
    assert members["very/deep/link"].linkname == "sub/a.txt"
    assert all(m.uid == m.gid == 0 and not m.uname and not m.gname for m in members.values())


def test_what_cannot_be_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="not a directory"):
        pack_directory(DirectoryGrant(tmp_path / "none", "/d"))
    (tmp_path / "big").write_bytes(bytes(2000))
    fd = open_directory(tmp_path)
    with pytest.raises(ConfigError, match="has more than"):
        pack_tree(fd, tmp_path, max_bytes=1999)
    os.close(fd)
    monkeypatch.setattr("hypercell.kernel.pack._MAX_DEPTH", -1)
    with pytest.raises(ConfigError, match="directories deep"):
        pack_directory(DirectoryGrant(tmp_path, "/d"))


def test_scripts_are_off_until_the_owner_says_otherwise() -> None:
    assert parse("").scripts is False
    assert parse("[output]\nscripts = true").scripts is True
