"""Commands that need no container: help, version, plugins, config, image, and what goes wrong before anything runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import intermodal
from intermodal.cli.failures import describe
from intermodal.exception import BackendError, ConfigError, Error


def test_help_names_every_command_and_imports_none(cli, environment) -> None:
    """`intermodal --help` is light: no rich, no pluggy, no backend."""
    shown = cli("--help")
    assert shown.returncode == 0
    for name in (
        "run",
        "serve",
        "shell",
        "image",
        "storage",
        "volume",
        "dict",
        "queue",
        "secret",
        "plugins",
        "config",
        "version",
    ):
        assert f"\n  {name} " in shown.stdout
    probe = (
        "import sys\n"
        "from intermodal.cli.main import main\n"
        "try: main(['--help'])\n"
        "finally: print(*[m for m in ('rich', 'pluggy', 'msgspec', 'asyncio', 'intermodal_local') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == ""


def test_the_version_is_an_option_too(cli) -> None:
    """As nearly every command has it."""
    done = cli("--version")
    assert (done.returncode, done.stdout) == (0, f"intermodal {intermodal.__version__}\n")


def test_a_file_without_run_is_told_how_to_write_it(cli) -> None:
    """Everybody forgets it once."""
    done = cli("hello.py::main", "--n", "3")
    assert done.returncode == 2
    assert "did you mean 'intermodal run hello.py::main'?" in done.stderr


@pytest.mark.parametrize("kind", [ConfigError, BackendError])
def test_a_wrong_setting_or_a_backend_that_cannot_work_is_one_line(kind: type[Error]) -> None:
    """No traceback of the plugin's code that found it: the message says what to do."""
    with pytest.raises(kind) as caught:
        raise kind("no user namespaces: set kernel.unprivileged_userns_clone=1")
    assert describe(caught.value) == "error: no user namespaces: set kernel.unprivileged_userns_clone=1"


def test_a_variable_that_is_nearly_a_setting_is_warned_about(cli) -> None:
    """In one line, without a line of our source."""
    done = cli("config", env={"INTERMODAL_BACKND": "docker"})
    assert done.returncode == 0
    assert done.stderr == "warning: INTERMODAL_BACKND is set, and is no setting: did you mean 'INTERMODAL_BACKEND'?\n"


def test_config_shows_value_and_origin(cli, tmp_path: Path) -> None:
    """Each setting with the source that gave it, as text and as JSON."""
    (tmp_path / "pyproject.toml").write_text('[tool.intermodal.local]\ngpus = ["H100:4"]\n')
    shown = cli("config", env={"INTERMODAL_ENVIRONMENT": "dev"})
    assert f"data_dir                = {tmp_path}/data  [INTERMODAL_DATA_DIR]" in shown.stdout
    rows = {row["name"]: row for row in json.loads(cli("config", "--json", "--set", "environment=x").stdout)}
    assert (rows["environment"]["value"], rows["environment"]["origin"]) == ("x", "command line")
    assert rows["local.gpus"]["value"] == ["H100:4"]
    assert rows["local.gpus"]["origin"] == str(tmp_path / "pyproject.toml")
    assert rows["backend"]["origin"] == "default"


def test_plugins_shows_what_is_loaded_with_distribution_and_hooks(cli) -> None:
    """And the installed backends."""
    found = json.loads(cli("plugins", "--json").stdout)
    local = next(item for item in found["plugins"] if item["kind"] == "backend")
    assert local["name"] == "local"
    assert local["source"].startswith("intermodal-local ")
    assert "intermodal_launcher" in local["hooks"]
    assert {"local"} <= {item["name"] for item in found["backends"]}
    assert "metrics" in {item["name"] for item in found["plugins"]}
    text = cli("plugins", "-p", "no:metrics").stdout
    assert "intermodal_launcher" in text
    assert "metrics" not in text


def test_version_lists_the_distributions(cli) -> None:
    """With Python's."""
    assert "intermodal-core" in json.loads(cli("version", "--json").stdout)


def test_an_unknown_backend_is_one_line_and_exit_code_1(cli) -> None:
    """No traceback of ours."""
    done = cli("plugins", "--backend", "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the backend 'nowhere' (from command line) is not installed. Installed: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["nope"], ["run"], ["run", "missing.py"], ["config", "--set", "x"], ["run", "x.py::"]]
)
def test_wrong_usage_is_exit_code_2(cli, words) -> None:
    """Unknown command, missing argument, missing file."""
    done = cli(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_empty_image_cache(cli) -> None:
    """ls and prune, as text and as JSON."""
    assert json.loads(cli("image", "ls", "--json").stdout) == []
    assert "0 removed" in cli("image", "prune").stdout
    assert cli("image", "prune", "--older-than", "soon").returncode == 2
