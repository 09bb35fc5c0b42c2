"""What happened, a line for each event and command, in virtual time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from intermodal.engine.commands import Command, Deliver, Dispatch, Failure
from intermodal.engine.events import CallSubmitted, CapacityKnown, Event, InputsAdded, PoolAdded, ResultsArrived

from .program import Program

__all__ = ["Timeline"]

_STATUS = ("ok", "error", "item", "generator end", "cancelled")


class Timeline:
    """Written while a world runs. `verbose` also writes lines to be read; without it only commands are kept."""

    def __init__(self) -> None:
        self.verbose = False
        self.said: list[tuple[float, Command]] = []
        self.lines: list[str] = []

    def events(self, now: float, events: Iterable[Event]) -> None:
        """What the engine is told."""
        if self.verbose:
            self.lines += [f"{now:12.6f} →  {_event(event)}" for event in events]

    def commands(self, now: float, commands: Iterable[Command]) -> None:
        """What it asks for."""
        self.said += [(now, command) for command in commands]
        if self.verbose:
            self.lines += [f"{now:12.6f}  ← {_command(command)}" for command in commands]

    def note(self, now: float, text: str) -> None:
        """What happens in the world that the engine is not told."""
        if self.verbose:
            self.lines.append(f"{now:12.6f} ~  {text}")

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _event(event: Event) -> str:
    if isinstance(event, ResultsArrived):
        results = zip(event.attempts, event.statuses, strict=True)
        said = ", ".join(f"{_attempt(attempt)} {_STATUS[status]}" for attempt, status in results)
        return f"ResultsArrived {event.container}: {said}"
    if isinstance(event, CallSubmitted):
        what = _fields(event, ("pool", "client", "closed", "method", "key", "credit", "detached"))
        parent = f" parent={_attempt(event.parent)}" if event.parent is not None else ""
        return f"CallSubmitted {event.call} {what}{parent}: {_programs(event.inputs)}"
    if isinstance(event, InputsAdded):
        return f"InputsAdded {event.call}{' closed' if event.closed else ''}: {_programs(event.inputs)}"
    if isinstance(event, (PoolAdded, CapacityKnown)):
        return repr(event)
    return _plain(event)


def _command(command: Command) -> str:
    if isinstance(command, Dispatch):
        inputs = ", ".join(f"{item.call}[{item.index}] as {_attempt(item.attempt)}" for item in command.inputs)
        return f"Dispatch {command.container}{' as a batch' if command.batch else ''}: {inputs}"
    if isinstance(command, Deliver):
        outputs = zip(command.indices, command.statuses, command.payloads, strict=True)
        return f"Deliver {command.call}: " + ", ".join(f"[{i}] {_STATUS[s]}{_reason(p)}" for i, s, p in outputs)
    return _plain(command)


def _plain(thing: Any) -> str:
    return f"{type(thing).__name__} {_fields(thing, [field.name for field in fields(thing)])}"


def _fields(thing: Any, names: Iterable[str]) -> str:
    values = [(name, getattr(thing, name)) for name in names]
    return " ".join(f"{name}={_value(name, value)}" for name, value in values if value not in (None, "", False))


def _value(name: str, value: Any) -> str:
    if name == "attempt":
        return _attempt(value)
    if name == "attempts":
        return ", ".join(map(_attempt, value))
    return repr(value) if name in ("message", "reason") else str(value)


def _attempt(attempt: int | None) -> str:
    return "none" if attempt is None else f"{attempt >> 40}.{attempt & ((1 << 40) - 1)}"


def _reason(payload: Any) -> str:
    return f" {payload.error}: {payload.message}" if isinstance(payload, Failure) else ""


def _programs(programs: list[Any]) -> str:
    return f"{len(programs)} input(s) " + " ".join(map(_program, programs[:12])) + (" …" if len(programs) > 12 else "")


def _program(program: Any) -> str:
    if not isinstance(program, Program):
        return str(program)
    said = [f"{program.sleep:g}s"]
    said += [f"{name}={getattr(program, name)}" for name in ("fail", "crash", "items") if getattr(program, name)]
    said += ["deaf"] if program.deaf else []
    said += [f"→{program.pool}×{len(program.children)}"] if program.children else []
    return f"({' '.join(said)})"
