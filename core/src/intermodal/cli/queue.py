"""`intermodal queue`."""

from __future__ import annotations

import itertools
import queue

import click

from intermodal.cli.named import add_commands, environment_option
from intermodal.cli.settings import with_settings
from intermodal.cli.state_objects import StateObjects
from intermodal.cli.values import echo_value, json_option, literal_option, parse_value
from intermodal.definitions.queues import Queue
from intermodal.exception import NotFoundError, ResourceExhaustedError

__all__ = ["command"]

_partition = click.option("--partition", metavar="NAME", help="Which of its independent lines.")


@click.group()
def command() -> None:
    """Named queues: make, look into, change and delete them. No app has to run.

    \b
    Examples:
      intermodal queue create jobs
      intermodal queue put jobs first second
      intermodal queue peek jobs
      intermodal queue get jobs
      intermodal queue get --timeout 60 jobs
    """


add_commands(command, "queue", StateObjects(Queue))


@command.command("len")
@_partition
@click.option("--total", is_flag=True, help="Of all partitions.")
@environment_option
@click.argument("name")
@with_settings
def length(name: str, environment: str | None, partition: str | None, total: bool) -> None:
    """Print how many items there are."""
    click.echo(Queue.from_name(name, environment_name=environment).len(partition=partition, total=total))


@command.command("peek")
@json_option
@_partition
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(min=1), help="At most so many.")
@environment_option
@click.argument("name")
@with_settings
def peek(name: str, environment: str | None, count: int, partition: str | None, as_json: bool) -> None:
    """Print the first items, which stay."""
    values = list(
        itertools.islice(Queue.from_name(name, environment_name=environment).iterate(partition=partition), count)
    )
    _show(values, as_json)


@command.command("put")
@literal_option
@_partition
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to wait for room. [default: none]")
@environment_option
@click.argument("name")
@click.argument("values", nargs=-1, required=True)
@with_settings
def put(
    name: str,
    values: tuple[str, ...],
    environment: str | None,
    timeout: float | None,
    partition: str | None,
    literal: bool,
) -> None:
    """Add VALUES at the end, all or none."""
    new = [parse_value(value, literal=literal) for value in values]
    line = Queue.from_name(name, environment_name=environment)
    try:
        line.put_many(new, timeout=timeout or 0.0, partition=partition)
    except queue.Full:
        raise ResourceExhaustedError(
            f"the queue {name!r} has no room for {len(new)} more: take items out, or wait with --timeout"
        ) from None


@command.command("get")
@json_option
@_partition
@click.option("-n", "count", default=1, show_default=True, type=click.IntRange(min=1), help="At most so many.")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to wait for the first. [default: none]")
@environment_option
@click.argument("name")
@with_settings
def get(
    name: str, environment: str | None, timeout: float | None, count: int, partition: str | None, as_json: bool
) -> None:
    """Take the first items out and print them; an error where there is none."""
    line = Queue.from_name(name, environment_name=environment)
    try:
        values = line.get_many(count, timeout=timeout or 0.0, partition=partition)
    except queue.Empty:
        raise NotFoundError(f"the queue {name!r} has nothing to give; --timeout SECONDS waits for it") from None
    _show(values, as_json)


@command.command("clear")
@_partition
@click.option("--all", "everything", is_flag=True, help="Every partition.")
@environment_option
@click.argument("name")
@with_settings
def clear(name: str, environment: str | None, partition: str | None, everything: bool) -> None:
    """Drop all items of a partition."""
    Queue.from_name(name, environment_name=environment).clear(partition=partition, all=everything)


def _show(values: list[object], as_json: bool) -> None:
    if as_json:
        echo_value(values, as_json=True)
        return
    for value in values:
        echo_value(value, as_json=False)
