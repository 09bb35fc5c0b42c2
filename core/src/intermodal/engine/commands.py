"""What the engine asks for. The driver (or the simulator) carries these out; each is idempotent where that can
matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from intermodal.specs import GpuChoice, Resources

__all__ = [
    "CallEnded",
    "CancelAttempts",
    "Command",
    "Deliver",
    "Dispatch",
    "DispatchedInput",
    "Failure",
    "GrantCredit",
    "InputsFailed",
    "Kill",
    "KillProcess",
    "KillSandbox",
    "Launch",
    "Notice",
    "Park",
    "PoolForgotten",
    "SandboxEnded",
    "StartSandbox",
    "Stop",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that the engine itself gives as a result. `error` names a class of `intermodal.exception`."""

    error: str
    message: str


class DispatchedInput(Protocol):
    """What the driver may read of an input it is told to dispatch."""

    @property
    def attempt(self) -> int: ...  # unique per try: the fencing token
    @property
    def call(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def tries(self) -> int: ...  # 1 for the first try
    @property
    def method(self) -> str: ...
    @property
    def payload(self) -> Any: ...


@dataclass(slots=True)
class Launch:
    """Start a container. `gpu` is the choice to try; answer with Launched, LaunchDeferred, ContainerFailed,
    ContainerExited."""

    container: str
    pool: str
    gpu: GpuChoice | None = None


@dataclass(slots=True)
class Dispatch:
    """Send inputs to a container, in order. `batch`: they form one call of a batched method."""

    container: str
    inputs: list[DispatchedInput]
    batch: bool = False


@dataclass(slots=True)
class CancelAttempts:
    """Interrupt or drop these attempts in the container; the engine has recorded their end already.

    The container answers each one, started or not, with a result (CANCELLED, or whatever it ended with); if one that
    had started does not answer within the pool's grace period, the engine kills the container.
    """

    container: str
    attempts: list[int]


@dataclass(slots=True)
class GrantCredit:
    """Let a generator's attempt produce `items` more."""

    container: str
    attempt: int
    items: int


@dataclass(slots=True)
class Park:
    """Tell the launcher that the container's cpu is free (or needed again)."""

    container: str
    parked: bool


@dataclass(slots=True)
class Stop:
    """No more inputs: finish the running ones, run exit methods, leave, within `grace_s` seconds; then the engine
    kills."""

    container: str
    grace_s: float


@dataclass(slots=True)
class Kill:
    container: str
    reason: str


@dataclass(slots=True)
class Deliver:
    """Outputs of a call for its client, by input index. A payload is a container's opaque one, or a `Failure`."""

    call: str
    indices: list[int]
    statuses: list[int]
    payloads: list[Any]


@dataclass(slots=True)
class InputsFailed:
    """Inputs have ended with this error, which `Deliver` has for their client; this is for observers, with or without
    a client.

    One input that ran, after so many `tries`, the last of them in `container`; or those of a call that will never run.
    """

    call: str
    indices: Sequence[int]
    payload: Any
    tries: int = 0
    container: str | None = None


@dataclass(slots=True)
class CallEnded:
    """Every input of the call has its recorded result and no more inputs can come."""

    call: str


@dataclass(slots=True)
class PoolForgotten:
    """The engine does not know the pool any more."""

    pool: str


@dataclass(slots=True)
class StartSandbox:
    """There is room: start its container. Answer with SandboxStarted, SandboxDeferred or SandboxGone."""

    sandbox: str


@dataclass(slots=True)
class KillSandbox:
    """End its container, or its start; answer with SandboxGone."""

    sandbox: str


@dataclass(slots=True)
class KillProcess:
    """A process took longer than it may."""

    sandbox: str
    process: str


@dataclass(slots=True)
class SandboxEnded:
    """Nothing is left of it (sandbox.end). `code`: 0..255."""

    sandbox: str
    cause: Literal["exited", "timeout", "terminated", "out_of_memory", "lost", "start_failed"]
    code: int
    detail: str = ""


@dataclass(slots=True)
class AskForRoom:
    """The host has refused so much: tell its other engines (`RoomWanted`). No answer: what was refused is tried again
    anyway."""

    resources: Resources


@dataclass(slots=True)
class Notice:
    """Something a person may want to read: waiting for a GPU, an input retried, a late result refused."""

    level: Literal["info", "warning"]
    message: str
    call: str | None = None
    pool: str | None = None
    container: str | None = None


Command = (
    Launch
    | Dispatch
    | CancelAttempts
    | GrantCredit
    | Park
    | Stop
    | Kill
    | Deliver
    | InputsFailed
    | CallEnded
    | PoolForgotten
    | StartSandbox
    | KillSandbox
    | KillProcess
    | SandboxEnded
    | AskForRoom
    | Notice
)
