"""What the engine can be told. One event is one fact; lists inside an event are batches, so that cost per input
stays small."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from intermodal.specs import BatchPolicy, GpuRequest, Resources, ResourceTotals, RetryPolicy, Scaling

__all__ = [
    "AutoscalerUpdated",
    "BuildWaits",
    "CallCancelled",
    "CallSubmitted",
    "CapacityKnown",
    "ClientLeft",
    "ContainerExited",
    "ContainerFailed",
    "ContainerReady",
    "ContainerTried",
    "CreditGranted",
    "Event",
    "InputWaiting",
    "InputsAdded",
    "InputsCancelled",
    "InputsReturned",
    "LaunchDeferred",
    "Launched",
    "MethodPolicy",
    "Payload",
    "PoolAdded",
    "PoolFailed",
    "PoolSpec",
    "ResultsArrived",
    "RoomWanted",
    "SandboxCreated",
    "SandboxDeferred",
    "SandboxGone",
    "SandboxProcessEnded",
    "SandboxProcessStarted",
    "SandboxProgramEnded",
    "SandboxStarted",
    "SandboxTerminated",
    "StopRequested",
    "UnusedPoolsForgotten",
]

#: Opaque to the engine: what a value is carried in.
Payload = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """The containers that serve one function (or one parameter value of a class, or one set of options). Seconds."""

    app: str
    resources: Resources = Resources()
    scaling: Scaling = Scaling()
    timeout_s: float = 300.0
    startup_timeout_s: float | None = None
    max_inputs: int = 1
    target_inputs: int | None = None
    methods: dict[str, MethodPolicy] = field(default_factory=dict)
    grace_s: float = 10.0
    single_use: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPolicy:
    """How inputs of one method of the pool behave. The plain function's method is ""."""

    retries: RetryPolicy | None = None
    batching: BatchPolicy | None = None
    is_generator: bool = False
    is_async: bool = False


@dataclass(slots=True)
class CapacityKnown:
    """What the backend has in all. Comes before the first pool, and again if it changes."""

    totals: ResourceTotals


@dataclass(slots=True)
class PoolAdded:
    pool: str
    spec: PoolSpec


@dataclass(slots=True)
class PoolFailed:
    """The pool can never start a container (its image does not build, say): waiting and later inputs fail with
    `error`."""

    pool: str
    error: Payload


@dataclass(slots=True)
class UnusedPoolsForgotten:
    """Pools that nothing is left of, nor wanted of, may go: `PoolForgotten` says which. Whoever needs one again adds it
    again; what it had learned of its inputs is gone."""


@dataclass(slots=True)
class AutoscalerUpdated:
    pool: str
    scaling: Scaling


@dataclass(slots=True)
class CallSubmitted:
    """A new call. `client` is who gets the outputs; `parent` is the attempt id of the input that makes a nested call.

    `key` is the submitter's idempotency key: a second submission with it is the same call and changes nothing (fault
    6). `closed`: no more inputs follow. Inputs get indices 0, 1, … in order of arrival. `credit`: how many items a
    generator may produce before `CreditGranted` allows more; None: no limit (gen.stream). `detached`: it outlives its
    client and, if nested, the input that made it (spawn). The client of a nested call is "container:" and the
    container's id.
    """

    call: str
    pool: str
    client: str
    inputs: list[Payload]
    closed: bool
    method: str = ""
    parent: int | None = None
    key: str | None = None
    credit: int | None = None
    detached: bool = False


@dataclass(slots=True)
class InputsAdded:
    """More inputs of an open call. `first` is the index of the first one, where the sender may have to repeat itself:
    what the call has already is not taken twice (fault 6). None: they go on where the last ones ended."""

    call: str
    inputs: list[Payload]
    closed: bool
    first: int | None = None


@dataclass(slots=True)
class CallCancelled:
    call: str
    terminate_containers: bool = False


@dataclass(slots=True)
class InputsCancelled:
    call: str
    indices: list[int]


@dataclass(slots=True)
class ClientLeft:
    """A client is gone: its calls are cancelled, outputs for it are dropped."""

    client: str


@dataclass(slots=True)
class InputWaiting:
    """The running attempt is blocked on (True), or wants to go on after (False), nested calls."""

    attempt: int
    waiting: bool


@dataclass(slots=True)
class CreditGranted:
    """The reader of a generator call can take `items` more."""

    call: str
    items: int


@dataclass(slots=True)
class Launched:
    """The container's process exists; `startup_timeout` of user code counts from here. `gpu` is the choice it got."""

    container: str
    gpu: str | None = None


@dataclass(slots=True)
class LaunchDeferred:
    """No room on the host just now (LaunchBusy, GPUs held by another engine). The engine tries again later, or
    another choice. `gpus`: it is GPUs that are lacking, rather than cpu or memory."""

    container: str
    reason: str
    gpus: bool = False


@dataclass(slots=True)
class ContainerReady:
    """Imported and entered: it takes inputs."""

    container: str


@dataclass(slots=True)
class ContainerTried:
    """Whether the pool's containers start is to be seen before anybody calls: one starts, and stays as one that is idle
    does (deploy.rolling)."""

    pool: str


@dataclass(slots=True)
class ContainerFailed:
    """Import or enter failed. `fatal`: trying again cannot help (missing module, refused launch). The exit comes
    apart."""

    container: str
    error: Payload
    fatal: bool = False


@dataclass(slots=True)
class ContainerExited:
    """The container is gone. `cause` as in `intermodal.plugins.ContainerExit`."""

    container: str
    cause: Literal["exited", "killed", "out_of_memory", "lost", "start_failed"]
    detail: str = ""


@dataclass(slots=True)
class ResultsArrived:
    """Results by attempt id, in the order the container produced them. Unknown attempts are late or duplicate:
    fenced out.

    `statuses`: as in `intermodal.specs.status`.
    `busy_s` and `cpu_s`: wall and cpu seconds that the container spent on these inputs, for scaling and prefetch.
    """

    container: str
    attempts: list[int]
    statuses: list[int]
    payloads: list[Payload]
    busy_s: float = 0.0
    cpu_s: float = 0.0


@dataclass(slots=True)
class InputsReturned:
    """The container gives back inputs that it had not started, because the running one takes long."""

    container: str
    attempts: list[int]


@dataclass(slots=True)
class BuildWaits:
    """A step of the image of these pools, and of sandboxes, waits for GPUs that are in use."""

    pools: list[str]
    request: GpuRequest


@dataclass(slots=True)
class RoomWanted:
    """Another engine of this host was refused so much, and asks for it (`AskForRoom`): idle containers give way. How
    much that will be, `Engine.left_over` says before."""

    resources: Resources


@dataclass(slots=True)
class StopRequested:
    """Drain and stop the pools of `app` (None: all): the session ends. Pending inputs are cancelled."""

    app: str | None = None


@dataclass(slots=True)
class SandboxCreated:
    """Somebody wants a sandbox. Seconds; `idle_timeout_s`: it ends when nothing has run in it for so long; `maker`: the
    container whose code waits for it."""

    sandbox: str
    resources: Resources
    timeout_s: float
    idle_timeout_s: float | None = None
    maker: str = ""


@dataclass(slots=True)
class SandboxDeferred:
    """No room on the host just now. The engine tries again later. `gpus`: it is GPUs that are lacking."""

    sandbox: str
    reason: str
    gpus: bool = False


@dataclass(slots=True)
class SandboxStarted:
    """Its container exists: its time counts from here (call.timeout)."""

    sandbox: str


@dataclass(slots=True)
class SandboxProgramEnded:
    """Its own program has ended, with this exit code (0..255)."""

    sandbox: str
    code: int


@dataclass(slots=True)
class SandboxProcessStarted:
    """Something was started in it besides, which may take `timeout_s`."""

    sandbox: str
    process: str
    timeout_s: float | None = None


@dataclass(slots=True)
class SandboxProcessEnded:
    sandbox: str
    process: str


@dataclass(slots=True)
class SandboxTerminated:
    """Somebody wants it ended."""

    sandbox: str


@dataclass(slots=True)
class SandboxGone:
    """Its container is gone, or never came to be. `cause` as in `intermodal.plugins.ContainerExit`."""

    sandbox: str
    cause: Literal["exited", "killed", "out_of_memory", "lost", "start_failed"]
    code: int | None = None
    detail: str = ""


Event = (
    CapacityKnown
    | PoolAdded
    | PoolFailed
    | UnusedPoolsForgotten
    | AutoscalerUpdated
    | CallSubmitted
    | InputsAdded
    | CallCancelled
    | InputsCancelled
    | ClientLeft
    | InputWaiting
    | CreditGranted
    | Launched
    | LaunchDeferred
    | ContainerReady
    | ContainerTried
    | ContainerFailed
    | ContainerExited
    | ResultsArrived
    | InputsReturned
    | SandboxCreated
    | SandboxDeferred
    | SandboxStarted
    | SandboxProgramEnded
    | SandboxProcessStarted
    | SandboxProcessEnded
    | SandboxTerminated
    | SandboxGone
    | BuildWaits
    | RoomWanted
    | StopRequested
)
