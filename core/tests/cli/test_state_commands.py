"""`intermodal dict` and `intermodal queue`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from intermodal.cli.main import exit_code
from intermodal.driver.standing import close


class Here:
    """Runs commands in this process: each is a few milliseconds, not a second."""

    def __init__(self, output: pytest.CaptureFixture[str], environ: pytest.MonkeyPatch) -> None:
        self._output, self._environ = output, environ

    def __call__(self, *words: str, env: dict[str, str] | None = None) -> CompletedProcess[str]:
        close()  # settings are read once
        with self._environ.context() as environ:
            for name, value in (env or {}).items():
                environ.setenv(name, value)
            code = exit_code(words)
        shown = self._output.readouterr()
        return CompletedProcess(words, code, shown.out, shown.err)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    monkeypatch.setenv("INTERMODAL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("INTERMODAL_ENVIRONMENT", raising=False)
    monkeypatch.chdir(tmp_path)
    yield Here(capsys, monkeypatch)
    close()


def test_a_dict_from_the_command_line(cli) -> None:
    """Make, put, get, list items, clear, delete; text as it is, and literals."""
    assert cli("dict", "create", "box").returncode == 0
    assert cli("dict", "put", "box", "state", "1").returncode == 0
    assert cli("dict", "put", "--literal", "box", "('run', 7)", "[1, None]").returncode == 0
    assert cli("dict", "put", "--skip-if-exists", "box", "state", "2").returncode == 1
    assert cli("dict", "get", "box", "state").stdout == "1\n"
    assert cli("dict", "get", "--json", "--literal", "box", "('run', 7)").stdout == "[1, null]\n"
    assert cli("dict", "items", "box").stdout == "'state': '1'\n('run', 7): [1, None]\n"
    assert json.loads(cli("dict", "items", "--json", "box").stdout) == [["state", "1"], [["run", 7], [1, None]]]
    (row,) = json.loads(cli("dict", "list", "--json").stdout)
    assert (row["name"], row["size"]) == ("box", 2)
    assert cli("dict", "clear", "box").returncode == 0
    assert cli("dict", "delete", "--yes", "box").returncode == 0
    assert (cli("dict", "list").stdout, cli("dict", "list", "--json").stdout) == ("", "[]\n")


def test_a_queue_from_the_command_line(cli) -> None:
    """Make, put, peek, get, len, clear, delete, with partitions."""
    assert cli("queue", "create", "jobs").returncode == 0
    assert cli("queue", "put", "jobs", "a", "b", "c").returncode == 0
    assert cli("queue", "put", "--partition", "p", "--literal", "jobs", "1").returncode == 0
    assert cli("queue", "peek", "-n", "2", "jobs").stdout == "a\nb\n"
    assert cli("queue", "get", "jobs").stdout == "a\n"
    assert cli("queue", "get", "-n", "5", "--json", "jobs").stdout == '["b", "c"]\n'
    assert cli("queue", "len", "--total", "jobs").stdout == "1\n"
    assert cli("queue", "list").stdout.splitlines()[1].split()[::2] == ["jobs", "1"]
    assert cli("queue", "clear", "--all", "jobs").returncode == 0
    assert cli("queue", "len", "--partition", "p", "jobs").stdout == "0\n"
    assert cli("queue", "delete", "--yes", "jobs").returncode == 0


@pytest.mark.parametrize("kind", ["dict", "queue"])
def test_environments_and_what_is_there_or_not(cli, kind: str) -> None:
    """One line that says what to do; a name in one environment says nothing about another."""
    assert cli(kind, "create", "--env", "other", "thing").returncode == 0
    again = cli(kind, "create", "--env", "other", "thing")
    assert again.returncode == 1
    assert again.stderr.startswith(
        f"error: there is a {kind} named 'thing' already: use it, or allow that with --allow"
    )
    assert cli(kind, "create", "--env", "other", "--allow-existing", "thing").returncode == 0
    missing = cli(kind, "delete", "--yes", "thing")
    assert missing.returncode == 1
    assert missing.stderr.startswith(f"error: there is no {kind} named 'thing' in environment 'main'")
    assert cli(kind, "delete", "--yes", "--allow-missing", "thing").returncode == 0
    assert cli(kind, "delete", "--env", "other", "thing").returncode == 1, "asked, and nobody answered"
    assert "'thing'" not in cli(kind, "list").stdout
    assert "thing" in cli(kind, "list", env={"INTERMODAL_ENVIRONMENT": "other"}).stdout
    assert "Examples:" in cli(kind, "--help").stdout


def test_nothing_to_get_is_an_error(cli) -> None:
    """Of a line, for scripts to see."""
    cli("queue", "create", "jobs")
    cli("dict", "create", "box")
    empty = cli("queue", "get", "jobs")
    assert (empty.returncode, empty.stdout) == (1, "")
    assert empty.stderr == "error: the queue 'jobs' has nothing to give; --timeout SECONDS waits for it\n"
    unknown = cli("dict", "get", "box", "k")
    assert unknown.stderr == "error: the dict 'box' has no key k; `intermodal dict items box` lists them\n"
    wrong = cli("dict", "put", "--literal", "box", "k", "1")
    assert wrong.returncode == 2
    assert "'k' is no Python literal" in wrong.stderr


@pytest.mark.parametrize(
    "words", [("queue", "get", "none"), ("dict", "items", "none"), ("queue", "delete", "none", "-y")]
)
def test_what_is_not_there_names_the_command_that_makes_it(cli: Here, words: tuple[str, ...]) -> None:
    """So that the first message is enough."""
    done = cli(*words)
    assert done.returncode == 1
    assert f"`intermodal {words[0]} create none`" in done.stderr
