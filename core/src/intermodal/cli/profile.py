"""`intermodal profile`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

import click

from intermodal.cli.named import show
from intermodal.exception import InvalidError
from intermodal.plugins.profiles import PROFILE, SETTINGS, Profiles, profiles_path, read_profiles
from intermodal.specs.names import NAME_RULE, is_name

__all__ = ["command"]


@click.group()
def command() -> None:
    """Servers that you go between: each profile has a server's URL, what opens it, an environment and a backend.

    What a profile says counts before configuration files, and after INTERMODAL_* variables and the command line.
    INTERMODAL_PROFILE chooses one for a command; else it is the active one. No command shows a token.

    \b
    Examples:
      intermodal profile set work --server-url https://apps.example.com --token -     (reads it from standard input)
      intermodal profile set work --env staging
      intermodal profile activate work
      INTERMODAL_PROFILE=home intermodal app ls
      intermodal profile activate            (none: apps run on this machine again)
    """


@command.command("set")
@click.option("--server-url", metavar="URL", help="The server, http(s)://HOST[:PORT].")
@click.option("--token", metavar="TOKEN", help="What opens it; '-' reads it from standard input.")
@click.option("-e", "--env", "environment", metavar="NAME", help="The environment that names belong to.")
@click.option("--backend", metavar="NAME", help="The backend, where no server carries apps out.")
@click.option("--activate", is_flag=True, help="Let it count from now on.")
@click.argument("name")
def set_(name: str, activate: bool, **given: str | None) -> None:
    """Make the profile NAME, or change what is given of it; an empty text takes a setting out."""
    if not is_name(name):
        raise InvalidError(f"{name!r:.80} cannot be the name of a profile: {NAME_RULE}")
    profiles = _read()
    values = {**profiles.settings.get(name, {}), **{key: text for key, text in given.items() if text is not None}}
    if given["token"] == "-":
        values["token"] = sys.stdin.read().strip()
    values = {key: values[key] for key in SETTINGS if values.get(key)}
    _check(values)
    _write(Profiles(name if activate else profiles.active, {**profiles.settings, name: values}))


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(as_json: bool) -> None:
    """List the profiles, the one that counts marked."""
    profiles = _read()
    current = os.environ.get(PROFILE) or profiles.active
    rows = []
    for name in sorted(profiles.settings):
        values = profiles.settings[name]
        shown = {key: values.get(key, "") for key in SETTINGS if key != "token"}
        here, has_token = name == current, "token" in values
        if as_json:
            rows.append({"name": name, "current": here, **shown, "token": has_token})
        else:
            rows.append({"": "*" * here, "name": name, **shown, "token": "yes" if has_token else ""})
    show(rows, as_json=as_json)


@command.command("current")
def current() -> None:
    """Print the name of the profile that counts; exit code 1 where none does."""
    profiles = _read()
    name = os.environ.get(PROFILE) or profiles.active
    if not name:
        click.echo("no profile is active: `intermodal profile activate NAME` makes one so", err=True)
        sys.exit(1)
    profiles.check(name)
    click.echo(name)


@command.command("activate")
@click.argument("name", required=False)
def activate(name: str | None) -> None:
    """Let the profile NAME count from now on; none where NAME is left away."""
    profiles = _read()
    if name:
        profiles.check(name)
    _write(Profiles(name or "", profiles.settings))


@command.command("rm")
@click.argument("name")
def rm(name: str) -> None:
    """Remove the profile NAME, with its token."""
    profiles = _read()
    profiles.check(name)
    left = {other: values for other, values in profiles.settings.items() if other != name}
    _write(Profiles("" if profiles.active == name else profiles.active, left))


def _check(values: Mapping[str, str]) -> None:
    """Raises `InvalidError`, `ConfigError`: no command could use these."""
    for key, text in values.items():
        if not text.isprintable():
            raise InvalidError(f"{key} has characters that cannot be printed: give one line of plain text")
    if "environment" in values and not is_name(values["environment"]):
        raise InvalidError(f"{values['environment']!r:.80} cannot be the name of an environment: {NAME_RULE}")
    if "server_url" in values:
        from intermodal.remote.address import split

        split(values["server_url"], "--server-url")


def _read() -> Profiles:
    return read_profiles(profiles_path(os.environ))


def _write(profiles: Profiles) -> None:
    from intermodal.storage.sealing import write_private

    lines = ["# Written by `intermodal profile`; it has tokens in it.", f"active = {_quoted(profiles.active)}"]
    for name in sorted(profiles.settings):
        lines += ["", f"[profiles.{_quoted(name)}]"]
        lines += [f"{key} = {_quoted(text)}" for key, text in profiles.settings[name].items()]
    path = profiles_path(os.environ).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, "\n".join(lines) + "\n")


def _quoted(text: str) -> str:
    """A string of TOML: of what can be printed, JSON's are that, too."""
    return json.dumps(text, ensure_ascii=False)
