"""`intermodal secret`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_secret_from_the_command_line(cli, tmp_path: Path, environment: dict[str, str]) -> None:
    """Pairs, a .env file, standard input; listed without values; overwritten only by force; deleted."""
    (tmp_path / ".env").write_text("TOKEN='tok-abcdef'\n# no more\n")
    assert cli("secret", "create", "keys", "USER=captain", "--from-dotenv", ".env").returncode == 0
    again = cli("secret", "create", "keys", "PASSWORD=hunter2-hunter2")
    assert (again.returncode, "--force" in again.stderr) == (1, True)
    assert "hunter2" not in again.stderr
    (row,) = json.loads(cli("secret", "list", "--json").stdout)
    assert (row["name"], row["keys"]) == ("keys", "TOKEN USER")
    typed = subprocess.run(
        [sys.executable, "-m", "intermodal.cli", "secret", "create", "keys", "--force", "PASSWORD=-"],
        cwd=tmp_path,
        env=environment,
        input="from-stdin\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert typed.stdout + typed.stderr == ""
    read = "import intermodal; print(intermodal.Secret.from_name('keys', required_keys=['PASSWORD']).values())"
    done = subprocess.run([sys.executable, "-c", read], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "{'PASSWORD': 'from-stdin'}\n"
    assert cli("secret", "delete", "--yes", "keys").returncode == 0
    assert cli("secret", "list").stdout == ""


def test_a_wrong_pair_is_not_repeated(cli) -> None:
    """It may be a value."""
    for word in ("hunter2-hunter2", "hunter2 hunter2=x"):
        done = cli("secret", "create", "keys", word)
        assert done.returncode == 2
        assert "hunter2" not in done.stderr
        assert "KEY=VALUE" in done.stderr
