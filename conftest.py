"""The documentation's code blocks are tests: each page is one, its blocks run in order in a directory of their own.

- ```` ```python title="hello.py" ```` (or toml): the block is written to that file.
- ```` ```python ````: the block runs as a script of its own.
- ```` ```console ````: lines after `$ ` are run by the shell; what follows each, if anything does, is its standard
  output, where `...` stands for any text. With the title `fails` each must fail, and what follows is both its outputs.
- `<!-- not run: REASON -->` on the line before a block says why it does not run. Other languages are text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from intermodal.client.api import has_current

#: A busy machine is slow at examples, and at making them: that says nothing about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

pytest_plugins = ["browsers", "engines_here", "postgres_server", "s3_server"]

ROOT = Path(__file__).parent
SECONDS = 120

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+) -->\n)?"
    r"```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture(scope="module", autouse=True)
def no_app_runs_on() -> Iterator[None]:
    """Modules end the apps that they ran: one that runs answers for whatever comes later in this process."""
    yield
    assert not has_current()


class BlockFailed(Exception):
    """A documented block does not do what the page says."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    title: str | None
    body: str
    line: int

    def run(self, directory: Path, env: dict[str, str]) -> None:
        """Do what the block shows. Raises `BlockFailed`."""
        if self.language == "console":
            for command, expected in _commands(self.body):
                self._check(command, expected, directory, env)
        elif self.title:
            path = directory / self.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.body)
        else:
            script = directory / f"block_{self.line}.py"
            script.write_text(self.body)
            self._check(f"{sys.executable} {script.name}", None, directory, env)

    def _check(self, command: str, expected: str | None, directory: Path, env: dict[str, str]) -> None:
        done = subprocess.run(
            command, shell=True, cwd=directory, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        everything = done.stdout + done.stderr
        if (done.returncode == 0) == (self.title == "fails"):
            raise BlockFailed(f"line {self.line}: `{command}` exited with {done.returncode}:\n{everything}")
        if expected and not _matches(expected, everything if self.title == "fails" else done.stdout):
            raise BlockFailed(f"line {self.line}: `{command}` printed\n{everything}\nbut the page says\n{expected}")


def _commands(body: str) -> Iterator[tuple[str, str | None]]:
    command, expected = "", list[str]()
    for line in body.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, "\n".join(expected)
            command, expected = line[2:], []
        else:
            expected.append(line)
    if command:
        yield command, "\n".join(expected)


def _matches(expected: str, output: str) -> bool:
    def flat(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    return re.fullmatch(re.escape(flat(expected)).replace(r"\.\.\.", ".*"), flat(output), re.DOTALL) is not None


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page that run."""
    return [
        Block(found["language"], found["title"], found["body"], text.count("\n", 0, found.start("language")) + 1)
        for found in _FENCE.finditer(text)
        if found["reason"] is None and (found["language"] in ("python", "console") or found["title"])
    ]


class Page(pytest.File):
    """A page of the documentation."""

    def collect(self) -> Iterator[pytest.Item]:
        blocks = blocks_of(self.path.read_text())
        if blocks:
            item: pytest.Item = PageItem.from_parent(self, name="blocks")
            item.blocks = blocks  # type: ignore[attr-defined]
            yield item


class PageItem(pytest.Item):
    """All blocks of one page, in order."""

    blocks: list[Block]

    def runtest(self) -> None:
        with tempfile.TemporaryDirectory(prefix="page-") as directory:
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
            env = {**os.environ, "PATH": path, "PYTHONWARNINGS": "error", "COLUMNS": "100", "NO_COLOR": "1"}
            env["INTERMODAL_ENVIRONMENT"] = Path(directory).name  # named objects of its own, gone or not from before
            for block in self.blocks:
                block.run(Path(directory), env)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if isinstance(excinfo.value, BlockFailed):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"code blocks of {self.path.relative_to(ROOT)}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    """Collect README.md and the pages in docs/."""
    if file_path.suffix == ".md" and (file_path.parent == ROOT or ROOT / "docs" in file_path.parents):
        page: Page = Page.from_parent(parent, path=file_path)
        return page
    return None
