"""A directory of a user's own files, and the processes that the user starts in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from leftovers import Leftovers

SECONDS = 120

Done = subprocess.CompletedProcess[str]


class Workplace:
    """Where a test writes files and runs them, with nothing of this machine's settings.

    Args:
        directory: an empty one.
        data: the data directory; may be shared with earlier tests, whose images are then there.
        temporary: `TMPDIR` of everything that is started.
    """

    def __init__(self, directory: Path, data: Path, temporary: Path) -> None:
        self.directory = directory
        self.data = data
        self.leftovers = Leftovers(data, temporary)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("INTERMODAL_", "MODAL_", "XDG_"))
        }
        self.environment = {
            **kept,
            "INTERMODAL_DATA_DIR": str(data),
            "TMPDIR": str(temporary),
            "HOME": str(directory),
            "NO_COLOR": "1",
            "COLUMNS": "200",
            "PYTHONWARNINGS": "error",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def write(self, name: str, text: str) -> Path:
        """A file with `text`, whose common indentation goes."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = SECONDS) -> Done:
        """Run Python with `arguments` to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def intermodal(self, *words: str, env: Mapping[str, str] | None = None, timeout: float = SECONDS) -> Done:
        """Run the command to its end."""
        return self.run("-m", "intermodal.cli", *words, env=env, timeout=timeout)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """Start Python with `arguments`; its output comes through pipes unless `options` say otherwise."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.directory,
            env={**self.environment, **(env or {})},
            text=True,
            **options,
        )
