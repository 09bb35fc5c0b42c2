"""How commands read and show the Python values that dicts and queues hold."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["echo_value", "json_option", "literal_option", "parse_value"]

F = TypeVar("F", bound=Callable[..., Any])


def literal_option(command: F) -> F:
    """Adds `--literal`."""
    return click.option(
        "--literal", is_flag=True, help="Keys and values are Python literals, such as 1, 'a' or ('a', 2), not text."
    )(command)


def json_option(command: F) -> F:
    """Adds `--json`, the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON; what JSON cannot say is its repr().")(
        command
    )


def parse_value(text: str, *, literal: bool) -> Any:
    """A word of the command line as a value. Raises `click.UsageError`."""
    if not literal:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise click.UsageError(
            f"{text!r} is no Python literal: write numbers, quoted text, tuples, lists, or leave --literal away"
        ) from None


def echo_value(value: Any, *, as_json: bool) -> None:
    """Print a value; text as it is."""
    if as_json:
        click.echo(json.dumps(value, default=repr))
    else:
        click.echo(value if isinstance(value, str) else repr(value))
