"""`intermodal volume` as users run it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_files_go_in_and_come_out(cli: Cli, tmp_path: Path) -> None:
    """create, put, ls, cp, rm, get, list, rename, delete."""
    local = tmp_path / "local"
    (local / "sub").mkdir(parents=True)
    (local / "sub" / "x.txt").write_text("hello")
    assert cli("volume", "create", "v").returncode == 0
    put = cli("volume", "put", "v", "local", "/d")
    assert put.returncode == 0, put.stderr
    assert "1 files, 5 B" in put.stderr
    again = cli("volume", "put", "v", "local", "/d")
    assert again.returncode == 1
    assert again.stderr.startswith("error: File exists: /d/sub/x.txt: ")
    assert cli("volume", "put", "v", "local/sub/x.txt", "/d/sub/", "--force").returncode == 0
    rows = json.loads(cli("volume", "ls", "v", "/", "-r", "--json").stdout)
    assert [row["path"] for row in rows] == ["d", "d/sub", "d/sub/x.txt"]
    assert cli("volume", "cp", "-r", "v", "/d", "/e").returncode == 0
    assert cli("volume", "rm", "-r", "v", "/d").returncode == 0
    assert cli("volume", "get", "v", "/e", "out").returncode == 0
    assert (tmp_path / "out" / "sub" / "x.txt").read_text() == "hello"
    assert cli("volume", "get", "v", "e/sub/x.txt", "-").stdout == "hello"
    assert cli("volume", "get", "v", "e/sub/x.txt").returncode == 0
    assert (tmp_path / "x.txt").read_text() == "hello"
    assert cli("volume", "rename", "v", "w").returncode == 0
    assert [row["name"] for row in json.loads(cli("volume", "list", "--json").stdout)] == ["w"]
    assert cli("volume", "delete", "w", "--yes").returncode == 0
    assert cli("volume", "list").stdout == ""


def test_what_is_missing_is_said_in_a_line(cli: Cli) -> None:
    """No traceback; the message says what to do."""
    missing = cli("volume", "ls", "nope")
    assert missing.returncode == 1
    assert "error: there is no volume named 'nope'" in missing.stderr
    assert "Traceback" not in missing.stderr
    cli("volume", "create", "v")
    assert cli("volume", "ls", "v", "/x").stderr.startswith("FileNotFoundError: No such file or directory: /x")
    assert cli("volume", "delete", "nope", "-y", "--allow-missing").returncode == 0


def test_a_bar_shows_progress_to_people(cli: Cli, tmp_path: Path, environment: dict[str, str]) -> None:
    """On a terminal; not where stderr is none."""
    (tmp_path / "x").write_bytes(b"x" * 100_000)
    cli("volume", "create", "v")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "intermodal.cli", "volume", "put", "v", "x"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, stderr=theirs, timeout=60, check=False)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "uploading" in shown
    assert "100%" in shown


def test_a_mistake_names_what_helps(cli: Cli, tmp_path: Path) -> None:
    """In one line, without a traceback."""
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder/inner"):
        (tmp_path / name).write_text("here")
    for words in (("create", "v"), ("put", "v", "file"), ("put", "v", "folder", "/folder")):
        assert cli("volume", *words).returncode == 0
    for command, advice in {
        "put v file": "--force",
        "put v folder /folder": "--force",
        "rm v /folder": "-r",
        "cp v /folder /copy": "-r",
        "get v /file": "--force",
        "get v /folder file": "--force",
        "ls none": "intermodal volume create none",
    }.items():
        done = cli("volume", *command.split())
        (line,) = done.stderr.splitlines()
        assert (done.returncode, line.startswith("error: "), advice in line) == (1, True, True), line
