"""One folder, one room, arrows only downwards: what DESIGN says about the sources, as tests."""

import ast
import importlib
import inspect
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"kernel": ROOT / "kernel", "vmm": ROOT / "vmm"}
CFFI_MODULES = {"_ffi.py", "_ffi_build.py"}  # generated, and what generates it
CFFI_USERS = 2
MAX_LINES = 400
GENERATED = {"vmm/_ffi.py", "guest/Cargo.lock", "LICENSE"}
SOURCES = (".py", ".rs", ".toml", ".c", ".h", ".S")


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in names.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its arrow"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_vmm_never_imports_kernel() -> None:
    for path in PACKAGES["vmm"].rglob("*.py"):
        above = [name for name in imports(path) if name.startswith("hypercell.kernel")]
        assert not above, f"{path} imports {above}"


def test_only_two_modules_of_vmm_touch_cffi() -> None:
    users = set()
    for room in PACKAGES.values():
        for path in room.rglob("*.py"):
            names = imports(path)
            if path.name not in CFFI_MODULES and any(
                name.split(".")[0] in ("cffi", "_cffi_backend") or name.endswith("._ffi")
                for name in names
                if not name.startswith("hypercell.vmm._ffi_")
            ):
                users.add(path.relative_to(ROOT).as_posix())
    users = {user for user in users if not _only_for_types(ROOT / user)}
    assert len(users) <= CFFI_USERS, users
    assert all(user.startswith("vmm/") for user in users)


def _only_for_types(path: Path) -> bool:
    """True where every import of cffi stands below ``if TYPE_CHECKING``."""
    tree = ast.parse(path.read_text())
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    return all(
        id(node) in guarded
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and "_ffi" in (node.module or ""))
        or (isinstance(node, ast.Import | ast.ImportFrom) and "cffi" in ast.dump(node))
    )


def test_the_guest_knows_neither_host_room() -> None:
    for path in (ROOT / "guest").rglob("Cargo.toml"):
        if "target" in path.parts:
            continue
        manifest = tomllib.loads(path.read_text())
        for name, value in manifest.get("dependencies", {}).items():
            if isinstance(value, dict) and "path" in value:
                target = (path.parent / value["path"]).resolve()
                assert target.is_relative_to(ROOT / "guest"), f"{path}: {name}"
    image = tomllib.loads((ROOT / "guest" / "image" / "Cargo.toml").read_text())
    for name, value in image["dependencies"].items():
        if isinstance(value, dict) and "path" not in value:
            assert value.get("default-features") is False, f"{name} may need std"


def test_pyproject_lists_every_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join(["hypercell", room, *path.parent.relative_to(folder).parts])
        for room, folder in PACKAGES.items()
        for path in folder.rglob("*.py")
    }
    assert sorted(found) == sorted(settings["packages"])
    for room, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), f"{path.parent} in {room}"


def test_no_source_is_long() -> None:
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in SOURCES and name not in GENERATED:
            lines = path.read_text().count("\n")
            assert lines <= MAX_LINES, f"{name} has {lines} lines, more than {MAX_LINES}"


def test_no_tracked_file_names_a_machine() -> None:
    # Spelt in pieces, so that this file passes too.
    places = "|".join(
        ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/(?:runner|ubuntu)/", r"/tm" + "p/hc/")
    )
    pattern = re.compile(rf"(?<![\w.])(?:{places})")
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found = pattern.search(text)
        assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]}"


@pytest.mark.parametrize("module", ["hypercell.vmm.errors", "hypercell.kernel.errors"])
def test_the_error_tree_in_the_docstring_is_the_tree(module: str) -> None:
    errors = importlib.import_module(module)
    drawn: dict[str, str | None] = {}
    stack: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([\s│├└─]*)([A-Z]\w+)(?:\s|$)", line)
        if match is None or not ("─" in line or match[2] == "HypercellError"):
            continue
        while stack and stack[-1][0] >= len(match[1]):
            stack.pop()
        drawn[match[2]] = stack[-1][1] if stack else None
        stack.append((len(match[1]), match[2]))
    defined = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and value.__module__ == module
        and name != "HypercellError"
    }
    drawn.pop("HypercellError", None)
    assert drawn == defined


def test_every_module_says_what_it_holds() -> None:
    for folder in PACKAGES.values():
        for path in folder.rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if name in GENERATED or not path.read_text().strip():
                continue
            assert ast.get_docstring(ast.parse(path.read_text())), f"{name} has no docstring"


def test_every_file_that_a_page_names_is_there() -> None:
    rooms = "kernel|vmm|guest|tests|docs|notebooks|benchmarks|scripts"
    for page in [path for path in tracked() if path.suffix == ".md"]:
        text = page.read_text()
        name = page.relative_to(ROOT).as_posix()
        for path in re.findall(rf"`((?:{rooms})/[\w./-]*)`", text):
            assert (ROOT / path).exists(), f"{name} names {path}"
        for link in re.findall(r"\]\((?!\w+:)([^)#]+)", text):
            assert (page.parent / link).exists(), f"{name} links to {link}"
