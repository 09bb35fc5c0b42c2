"""docs/write-a-backend.md: its blocks are a whole backend, as a stranger could have written it."""

from __future__ import annotations

import ast
import importlib
import io
import os
import subprocess
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
PUBLIC = {
    "intermodal.exception",
    "intermodal.plugins",
    "intermodal.plugins.building",
    "intermodal.plugins.commands",
    "intermodal.specs",
}


def lines_of_code(source: str) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    held = {line for token in tokens if token.type not in silent for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            held -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(held)


def test_a_whole_backend_is_at_most_150_lines(project: Path) -> None:
    """If it needs more, the contracts are wrong."""
    counts = {path.name: lines_of_code(path.read_text()) for path in project.rglob("*.py")}
    assert set(counts) >= {"plugin.py", "builder.py", "launcher.py"}
    assert sum(counts.values()) <= 150, counts


def test_it_imports_nothing_of_intermodal_but_what_is_public(project: Path) -> None:
    """Public modules, and of these the names in `__all__`; nothing of a first-party backend."""
    wrong = []
    for path in project.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                wrong += [alias.name for alias in node.names if alias.name.startswith("intermodal")]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "intermodal":
                module = node.module or ""
                public = importlib.import_module(module).__all__ if module in PUBLIC else ()
                names = [alias.name for alias in node.names if f"{module}.{alias.name}" not in PUBLIC]
                wrong += [f"{path.name}: {module}.{name}" for name in names if name not in public]
            elif isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("intermodal_local")
    assert wrong == []


def test_its_types_and_style_are_checked_as_ours_are(project: Path) -> None:
    """mypy --strict against the published annotations, ruff with the repository's rules, ruff's format."""
    tools, source = Path(sys.executable).parent, project / "src"
    style = ["--config", ROOT / "pyproject.toml"]
    for command in (
        [tools / "mypy", "--strict", "--cache-dir", project.parent / "cache", "-p", "intermodal_ssh"],
        [tools / "ruff", "check", *style, source],
        [tools / "ruff", "format", "--check", *style, source],
    ):
        env = {**os.environ, "MYPYPATH": str(source)}
        done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
