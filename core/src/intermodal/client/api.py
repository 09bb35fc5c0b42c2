"""The one interface that definitions call: to an engine in this process, from inside a container, later to a server.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from intermodal.client.completion import Completion
from intermodal.client.outputs import Outputs
from intermodal.exception import InvalidError

__all__ = [
    "CallHandle",
    "CallTarget",
    "Client",
    "Reply",
    "current",
    "forget_session",
    "has_current",
    "know_session",
    "nothing_runs",
    "of_session",
    "set_current",
]


@dataclass(frozen=True)
class CallTarget:
    """What to call: a function or class by `key` within an app, a method ("" for plain functions), class
    parameters (`specs.parameters`, b"" for none), and options that give a pool of its own (JSON of changed FunctionSpec
    fields). With an `environment` it is of the app that is deployed there, and `key` is its name (deploy.lookup)."""

    app: str
    key: str
    method: str = ""
    parameters: bytes = b""
    options: str = ""
    environment: str | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to a request: a JSON value and raw segments."""

    value: Any = None
    segments: Sequence[bytes] = field(default_factory=tuple)


class CallHandle(Protocol):
    """A call that was submitted through this client."""

    @property
    def id(self) -> str: ...
    @property
    def outputs(self) -> Outputs: ...

    @property
    def accepted(self) -> Completion[None]:
        """Of a detached call: done once nothing can lose it any more; fails where it is refused."""
        ...

    def add(self, inputs: Sequence[Any], closed: bool) -> None:
        """More inputs (payloads, from `client.dumps`); `closed` says they are the last."""
        ...

    def grant(self, items: int) -> None:
        """The reader of a generator call can take `items` more."""
        ...

    def cancel(self, terminate_containers: bool = False) -> None:
        """Cancel what has no result yet. Idempotent; does not wait."""
        ...


class Client(Protocol):
    """A connection to a control plane. Thread-safe."""

    def dumps(self, value: Any) -> Any:
        """Pickle a value into a payload of this client's transport. Raises `SerializationError`."""
        ...

    def loads(self, payload: Any) -> Any:
        """The value of a payload. Raises `DeserializationError`."""
        ...

    def submit(
        self,
        target: CallTarget,
        inputs: Sequence[Any],
        *,
        closed: bool,
        credit: int | None = None,
        detached: bool = False,
    ) -> CallHandle:
        """Start a call. `credit` makes it a generator call; `detached` (spawn) keeps it and its outputs when its
        caller ends."""
        ...

    def request(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> Completion[Reply]:
        """Ask the control plane something: queues, dicts, calls by id, autoscalers. Errors are those of
        `intermodal.exception`."""
        ...


_current: list[Client] = []
_of_sessions: dict[str, Client] = {}


def current() -> Client:
    """The client of the running app, or of the container this code runs in."""
    if not _current:
        raise nothing_runs()
    return _current[-1]


def nothing_runs() -> InvalidError:
    """What to say where an app has to run first."""
    return InvalidError(
        "nothing is running that could execute this: wrap the code in `with app.run():`, or start the file with "
        "`intermodal run FILE`"
    )


def has_current() -> bool:
    """True where `current()` would answer."""
    return bool(_current)


def set_current(client: Client | None, previous: Client | None = None) -> None:
    """Push `client`, or (with None) take `previous` off. Apps and guests call it."""
    if client is not None:
        _current.append(client)
    elif previous in _current:
        _current.remove(previous)


def know_session(session: str, client: Client) -> None:
    """From now on `of_session` gives `client`. Runs call it, and apps that were looked up."""
    _of_sessions[session] = client


def forget_session(session: str) -> None:
    """It has ended, or is another process's. Idempotent."""
    _of_sessions.pop(session, None)


def of_session(session: str) -> Client | None:
    """The client of a session that this process began and that goes on, by its id."""
    return _of_sessions.get(session)
