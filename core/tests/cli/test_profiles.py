"""`intermodal profile`: servers that a user goes between, and what counts of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from intermodal.cli.config import command as config_command
from intermodal.cli.profile import command
from intermodal.exception import ConfigError, InvalidError
from intermodal.plugins import Config
from intermodal.plugins.profiles import profiles_path

Run = Callable[..., str]


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What this process and `Config` see: a home without any setting."""
    found = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    for name in ("INTERMODAL_PROFILE", "INTERMODAL_CONFIG_PATH", "INTERMODAL_SERVER_URL", "INTERMODAL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def profile(environ: dict[str, str]) -> Run:
    """`profile("set", "work", ...)` → what it prints; it raises what the command does."""

    def run(*words: str, stdin: str = "") -> str:
        done = CliRunner().invoke(command, words, input=stdin, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_the_active_profile_counts_and_variables_count_more(profile: Run, environ: dict[str, str]) -> None:
    """The chosen one goes before the active one, `INTERMODAL_*` before both, and `activate` alone ends it."""
    profile("set", "work", "--server-url", "https://apps.example.com", "--env", "staging", "--activate")
    profile("set", "home", "--backend", "docker")
    config = Config.load(environ=environ)
    assert (config.get("server_url"), config.environment) == ("https://apps.example.com", "staging")
    assert config.origin("server_url") == "profile 'work'"
    home = Config.load(environ={**environ, "INTERMODAL_PROFILE": "home"})
    assert (home.get("server_url"), home.backend) == ("", "docker")
    assert Config.load(environ={**environ, "INTERMODAL_ENVIRONMENT": "dev"}).environment == "dev"
    assert profile("current") == "work\n"
    profile("activate")
    assert Config.load(environ=environ).get("server_url") == ""


def test_a_profile_goes_before_files(profile: Run, environ: dict[str, str], tmp_path: Path) -> None:
    """The user's own and the project's."""
    profile("set", "work", "--env", "staging", "--activate")
    (tmp_path / "config/intermodal/config.toml").write_text('environment = "mine"\ngrace_s = 3\n')
    config = Config.load(environ=environ)
    assert (config.environment, config.get("grace_s")) == ("staging", 3.0)


def test_a_token_goes_to_its_own_server_only(profile: Run, environ: dict[str, str], tmp_path: Path) -> None:
    """Not to one that a variable or an option names; nor does the profile's server get another's token."""
    profile("set", "work", "--server-url", "https://a.example", "--token", "-", "--activate", stdin="imt-work\n")
    assert Config.load(environ=environ).get("token") == "imt-work"
    elsewhere = Config.load(environ={**environ, "INTERMODAL_SERVER_URL": "https://b.example"})
    assert elsewhere.get("token") == ""
    assert Config.load(environ=environ, command_line={"server_url": "https://b.example"}).get("token") == ""
    (tmp_path / "config/intermodal/config.toml").write_text('token = "imt-mine"\n')
    profile("set", "work", "--token", "")
    assert Config.load(environ=environ).get("token") == ""


def test_nobody_is_shown_a_token(profile: Run, environ: dict[str, str]) -> None:
    """No command prints it, and the file is its owner's; where others may read it, it is not used."""
    profile("set", "work", "--server-url", "https://a.example", "--token", "imt-secret", "--activate")
    path = profiles_path(environ)
    assert path.stat().st_mode & 0o777 == 0o600
    rows = json.loads(profile("ls", "--json"))
    assert rows == [
        {
            "name": "work",
            "current": True,
            "server_url": "https://a.example",
            "environment": "",
            "backend": "",
            "token": True,
        }
    ]
    shown = profile("ls") + CliRunner().invoke(config_command, [], catch_exceptions=False).output
    assert "https://a.example" in shown
    assert "imt-secret" not in shown
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"others may read the tokens in .*: run `chmod 600"):
        Config.load(environ=environ)


def test_what_no_command_could_use_is_not_kept(profile: Run, environ: dict[str, str]) -> None:
    """With what is wrong; a password in a URL is not shown."""
    for words, error, said in (
        (("two words",), InvalidError, "use 1 to 64 letters"),
        (("work", "--server-url", "apps.example.com"), ConfigError, "write http(s)://HOST"),
        (("work", "--server-url", "https://me:hunter2@a.example"), ConfigError, "with a name or password in it"),
        (("work", "--env", "two words"), InvalidError, "cannot be the name of an environment"),
        (("work", "--token", "two\nlines"), InvalidError, "token has characters that cannot be printed"),
    ):
        with pytest.raises(error) as caught:
            profile("set", *words)
        assert said in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert "lines" not in str(caught.value)
    assert not profiles_path(environ).exists()
    for action in ("activate", "rm"):
        with pytest.raises(ConfigError, match=r"no profile 'play' \(there are: none\)"):
            profile(action, "play")
    with pytest.raises(ConfigError, match="no profile 'play'"):
        Config.load(environ={**environ, "INTERMODAL_PROFILE": "play"})


def test_settings_are_changed_one_by_one_and_taken_out(profile: Run, environ: dict[str, str]) -> None:
    """What is not given stays; an empty text takes a setting out; a removed profile is active no more."""
    profile("set", "a.b", "--env", "x", "--backend", "docker", "--activate")
    profile("set", "a.b", "--env", "")
    config = Config.load(environ=environ)
    assert (config.environment, config.backend) == ("main", "docker")
    profile("rm", "a.b")
    assert json.loads(profile("ls", "--json")) == []
    assert CliRunner().invoke(command, ["current"]).exit_code == 1


def test_a_file_that_is_none_of_ours_is_said_to_be(environ: dict[str, str]) -> None:
    """And nothing of it is taken for a setting."""
    path = profiles_path(environ)
    path.parent.mkdir(parents=True)
    for text in ("[profiles", 'profiles = "x"', "[profiles.a]\ngrace_s = 3", "active = 3"):
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(ConfigError, match=r"is not valid TOML|is none that `intermodal profile` has written"):
            Config.load(environ=environ)
