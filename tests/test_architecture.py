"""The rooms of docs/architecture.md: what the import contracts in pyproject.toml cannot say."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core" / "src" / "intermodal"
GUEST_ROOMS = ("__init__.py", "exception.py", "definitions", "specs", "client", "wire", "guest")
BACKENDS = {
    f"intermodal_{name}": ROOT / "backends" / name / "src" / f"intermodal_{name}" for name in ("docker", "local")
}
PUBLIC = {
    "intermodal.exception",
    "intermodal.guest",
    "intermodal.plugins",
    "intermodal.plugins.building",
    "intermodal.plugins.commands",
    "intermodal.plugins.gpus",
    "intermodal.plugins.holding",
    "intermodal.plugins.mounter",
    "intermodal.plugins.openat2",
    "intermodal.plugins.outbound",
    "intermodal.plugins.processes",
    "intermodal.specs",
}
#: Used behind a check of the version or an `except ImportError`, which the static check below does not read.
NEWER_BEHIND_A_CHECK = ("annotationlib", "annotationlib.Format", "annotationlib.Format.FORWARDREF", "tomllib")


def modules(*paths: Path) -> list[Path]:
    """Every Python file of the given files and directories."""
    return sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")))


def imports(path: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """(line, module, names) of each import statement, those in functions included, those for type checkers not."""

    def walk(node: ast.AST) -> Iterator[tuple[int, str, tuple[str, ...]]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((child.lineno, alias.name, ()) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}:{child.lineno}: write absolute imports"
                yield child.lineno, child.module or "", tuple(alias.name for alias in child.names)
            yield from walk(child)

    return walk(ast.parse(path.read_text(), str(path)))


def test_what_runs_in_containers_needs_only_the_standard_library_and_cloudpickle() -> None:
    """Definitions, specs, client, wire and guest import nothing else, since images have nothing else."""
    allowed = {*sys.stdlib_module_names, *NEWER_BEHIND_A_CHECK, "cloudpickle", "intermodal"}
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path in modules(*(CORE / room for room in GUEST_ROOMS))
        for line, module, _ in imports(path)
        if module.split(".")[0] not in allowed
    ]
    assert wrong == []


def test_what_runs_in_containers_is_written_for_python_3_10() -> None:
    """No syntax and no library call that Python 3.10 lacks."""
    rooms = [str(CORE / room) for room in GUEST_ROOMS]
    vermin = Path(sys.executable).parent / "vermin"
    options = ["--target=3.10-", "--no-tips", "--violations", "--eval-annotations"]
    options += [option for name in NEWER_BEHIND_A_CHECK for option in ("--exclude", name)]
    done = subprocess.run([vermin, *options, *rooms], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", BACKENDS)
def test_backends_use_only_the_facades_that_third_parties_may_use(package: str) -> None:
    """A first-party backend has no privileges: it imports public names of public modules of core."""
    wrong = []
    for path in modules(BACKENDS[package]):
        for line, module, names in imports(path):
            if module.split(".")[0] != "intermodal":
                continue
            place = f"{path.relative_to(ROOT)}:{line}"
            if module == "intermodal" and {f"intermodal.{name}" for name in names} <= PUBLIC:
                continue
            if module not in PUBLIC:
                wrong.append(f"{place}: {module} is not public, {sorted(PUBLIC)} are")
            else:
                public = set(importlib.import_module(module).__all__)
                wrong += [f"{place}: {module}.{name} is not in __all__" for name in names if name not in public]
    assert wrong == []


def test_every_room_is_under_contract() -> None:
    """A new room of core needs an import contract of its own."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    sources = {source for contract in contracts for source in contract["source_modules"]}
    top = {"intermodal.cli", "intermodal.server"}  # may import all that is below
    rooms = {f"intermodal.{path.name}" for path in CORE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= sources | top


@pytest.mark.parametrize("root", [CORE, *BACKENDS.values()], ids=lambda path: path.name)
def test_every_package_says_what_is_public(root: Path) -> None:
    """A package that offers anything itself has an `__all__`, which names things that exist."""
    wrong = []
    for path in root.rglob("__init__.py"):
        parts = path.parent.relative_to(root).parts
        module = importlib.import_module(".".join([root.name, *parts]))
        names = getattr(module, "__all__", None)
        if names is None and len(ast.parse(path.read_text()).body) > 1:
            wrong.append(f"{module.__name__} has no __all__")
        elif names is not None:
            wrong += [f"{module.__name__}.{name} does not exist" for name in names if not hasattr(module, name)]
    assert wrong == []


def test_each_distribution_is_marked_as_typed() -> None:
    """Type checkers of users read our annotations."""
    assert all((root / "py.typed").is_file() for root in [CORE, *BACKENDS.values()])


def test_importing_intermodal_pulls_in_no_host_library() -> None:
    """`import intermodal` loads no plugin host, no terminal library, no event loop, no web framework."""
    heavy = {"pluggy", "rich", "typer", "click", "uvloop", "asyncio", "http.server", "sqlite3", "numpy", "pygments"}
    script = f"import sys, intermodal; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_no_file_names_a_package_registry_or_a_developers_machine() -> None:
    """What is committed works anywhere: no registry's host, no path of the machine it was written on."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    words = ["pypi" + ".org", "pythonhosted" + ".org", "conda" + ".anaconda.org", "/root/" + ".pyenv", "/work" + "/"]
    wrong = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".svg"}:
            text = path.read_text(errors="replace")
            wrong += [f"{name}: {word}" for word in words if word in text]
    assert wrong == []
