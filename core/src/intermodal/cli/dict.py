"""`intermodal dict`."""

from __future__ import annotations

import click

from intermodal.cli.named import add_commands, environment_option
from intermodal.cli.settings import with_settings
from intermodal.cli.state_objects import StateObjects
from intermodal.cli.values import echo_value, json_option, literal_option, parse_value
from intermodal.definitions.dicts import Dict
from intermodal.exception import NotFoundError

__all__ = ["command"]


@click.group()
def command() -> None:
    """Named dicts: make, look into, change and delete them. No app has to run.

    \b
    Examples:
      intermodal dict create results
      intermodal dict put results state done
      intermodal dict get results state
      intermodal dict put --literal results "('run', 7)" "[1, 2]"
      intermodal dict items --json results
    """


add_commands(command, "dict", StateObjects(Dict))


@command.command("get")
@json_option
@literal_option
@environment_option
@click.argument("name")
@click.argument("key")
@with_settings
def get(name: str, key: str, environment: str | None, literal: bool, as_json: bool) -> None:
    """Print the value of KEY; an error where there is none."""
    box = Dict.from_name(name, environment_name=environment)
    try:
        value = box[parse_value(key, literal=literal)]
    except KeyError:
        raise NotFoundError(f"the dict {name!r} has no key {key}; `intermodal dict items {name}` lists them") from None
    echo_value(value, as_json=as_json)


@command.command("put")
@literal_option
@click.option("--skip-if-exists", is_flag=True, help="Keep a value that is there; exit with 1 then.")
@environment_option
@click.argument("name")
@click.argument("key")
@click.argument("value")
@with_settings
def put(name: str, key: str, value: str, environment: str | None, skip_if_exists: bool, literal: bool) -> int:
    """Set KEY to VALUE."""
    box = Dict.from_name(name, environment_name=environment)
    new = parse_value(value, literal=literal)
    stored = box.put(parse_value(key, literal=literal), new, skip_if_exists=skip_if_exists)
    return 0 if stored else 1


@command.command("items")
@json_option
@environment_option
@click.argument("name")
@with_settings
def items(name: str, environment: str | None, as_json: bool) -> None:
    """Print all keys with their values, in the order the keys were first set."""
    pairs = Dict.from_name(name, environment_name=environment).items()
    if as_json:
        echo_value([list(pair) for pair in pairs], as_json=True)
        return
    for key, value in pairs:
        click.echo(f"{key!r}: {value!r}")


@command.command("clear")
@environment_option
@click.argument("name")
@with_settings
def clear(name: str, environment: str | None) -> None:
    """Remove all keys."""
    Dict.from_name(name, environment_name=environment).clear()
