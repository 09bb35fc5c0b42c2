"""What the engine keeps: inputs, calls, containers and pools. Plain state with no rules in it.

Inputs that never ran cost one deque slot each: an `Input` exists from its first dispatch on, so a million queued
ones stay small.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from intermodal.engine.commands import Command
from intermodal.engine.events import MethodPolicy, PoolSpec
from intermodal.specs import Resources

if TYPE_CHECKING:
    from intermodal.engine.batching import Batcher
    from intermodal.engine.queueing import Queue
    from intermodal.engine.resources import Hold

__all__ = [
    "ATTEMPT_BITS",
    "ENDED",
    "QUEUED",
    "SLEEPING",
    "Call",
    "Container",
    "Extra",
    "Group",
    "Input",
    "Life",
    "Pool",
    "Sandbox",
    "Shelf",
]

#: What `Input.attempt` is while no container has it.
QUEUED, ENDED, SLEEPING = 0, -1, -2

#: An attempt id is (container number << ATTEMPT_BITS) + serial: unique, 64 bits, and it tells its container.
ATTEMPT_BITS = 40


class Life:
    """Where a container is in its life. From STOPPING on it takes no more inputs."""

    LAUNCHING, STARTING, READY, STOPPING, KILLING, GONE = range(6)


class Shelf:
    """Where its pool keeps a container: nowhere, idle, busy with room for more, or idle and parked."""

    NONE, IDLE, ROOM, BENCH = range(4)


class Extra:
    """What few inputs have: tries that failed, lost containers, nested calls, a generator's items."""

    __slots__ = ("children", "evictions", "items", "losses", "restarts", "retries", "waiting", "wake_at")

    def __init__(self) -> None:
        self.retries = 0
        self.losses = 0
        self.evictions = 0
        self.restarts = 0
        self.items = 0
        self.waiting = False
        self.wake_at: float | None = None
        self.children: list[Call] = []


class Input:
    """One input that was dispatched at least once. `running[attempt]` of a container is live only while `attempt`
    agrees."""

    __slots__ = ("attempt", "extra", "index", "owner", "payload", "started", "tries")

    def __init__(self, owner: Call, index: int, payload: Any) -> None:
        self.owner = owner
        self.index = index
        self.payload = payload
        self.attempt = QUEUED
        self.tries = 0
        self.started = 0.0
        self.extra: Extra | None = None

    @property
    def call(self) -> str:
        """Id of the call."""
        return self.owner.id

    @property
    def method(self) -> str:
        """Name of the method, "" for a plain function."""
        return self.owner.method

    def more(self) -> Extra:
        """The extra record, made when first needed."""
        if self.extra is None:
            self.extra = Extra()
        return self.extra


class Group:
    """A running batch: how many of its inputs are unanswered, and how many somebody still waits for."""

    __slots__ = ("attempts", "live", "unanswered")

    def __init__(self, attempts: list[int]) -> None:
        self.attempts = attempts
        self.unanswered = len(attempts)
        self.live = len(attempts)


class Call:
    """One call. `fresh` holds payloads that never ran (indices from `first`), `again` inputs that go once more."""

    __slots__ = (
        "again",
        "cancelled",
        "client",
        "closed",
        "credit",
        "depth",
        "detached",
        "first",
        "fresh",
        "host",
        "id",
        "key",
        "live",
        "method",
        "muted",
        "number",
        "out",
        "parent",
        "pending",
        "policy",
        "pool",
        "rotating",
        "total",
    )

    def __init__(self, id: str, pool: Pool, client: str, method: str, policy: MethodPolicy) -> None:
        self.id = id
        self.pool = pool
        self.client = client
        self.method = method
        self.policy = policy
        self.key: str | None = None
        self.parent: Input | None = None
        self.host: Container | None = None  #: the container that is the client of a nested call
        self.number = 0  #: in order of submission
        self.depth = 0
        self.detached = False
        self.closed = False
        self.muted = False
        self.credit: int | None = None
        self.fresh: deque[Any] = deque()
        self.first = 0
        self.total = 0
        self.again: deque[Input] = deque()
        self.rotating = False
        self.live: dict[int, Input] = {}
        self.pending = 0
        self.cancelled: set[int] | None = None
        self.out: tuple[list[int], list[int], list[Any]] | None = None

    def pop_fresh(self) -> Input | None:
        """The next input that never ran and was not cancelled."""
        while self.fresh:
            payload = self.fresh.popleft()
            index = self.first
            self.first += 1
            if self.cancelled is not None and index in self.cancelled:
                self.cancelled.discard(index)
                continue
            self.live[index] = item = Input(self, index, payload)
            return item
        return None


class Container:
    """One container. `running` is in order of dispatch; in a container of one input at a time only the first has
    started."""

    __slots__ = (
        "base",
        "batches",
        "counted",
        "dead",
        "deadline",
        "draining",
        "expected",
        "grace_at",
        "groups",
        "head",
        "held",
        "hold",
        "id",
        "idle_since",
        "life",
        "number",
        "parked",
        "pool",
        "ready_at",
        "running",
        "serial",
        "shelf",
        "solo",
        "standing",
        "unconfirmed_at",
        "waiting",
        "wake_at",
    )

    def __init__(self, id: str, number: int, pool: Pool, hold: Hold) -> None:
        self.id = id
        self.number = number
        self.base = number << ATTEMPT_BITS
        self.serial = 0
        self.pool = pool
        self.hold = hold
        self.life = Life.LAUNCHING
        self.running: dict[int, Input] = {}
        self.groups: dict[int, Group] = {}
        self.batches = 0
        self.dead = 0  #: entries of `running` that nobody waits for any more
        self.head = 0  #: attempt that was first in `running` when last looked at
        self.grace_at: float | None = None  #: kill unless interrupted inputs have answered by then
        self.deadline: float | None = None  #: of start-up or of stopping
        self.wake_at: float | None = None
        self.idle_since = 0.0
        self.ready_at = 0.0
        self.shelf = Shelf.NONE
        self.counted = 0  #: its share of `busy`
        self.standing = (0, 0, 0)  #: its share of `live`, `supply` and of all that are leaving
        self.solo = False
        self.draining = False
        self.expected = False  #: the engine asked for its end
        self.parked = False
        self.waiting = 0
        self.held: list[Command] = []
        self.unconfirmed_at: float | None = None

    @property
    def load(self) -> int:
        """Slots in use: a batch takes one."""
        return len(self.running) - len(self.groups) + self.batches

    @property
    def leaving(self) -> bool:
        """It takes no more inputs, ever."""
        return self.draining or self.life >= Life.STOPPING


class Pool:
    """The containers and the waiting inputs of one pool."""

    __slots__ = (
        "batchers",
        "benched",
        "busy",
        "containers",
        "cpu_share",
        "deferrals",
        "error",
        "failed_upto",
        "gpu_since",
        "id",
        "idle",
        "live",
        "look_at",
        "noticed",
        "progress_at",
        "queue",
        "refused",
        "room",
        "service",
        "shelves",
        "single",
        "solo_queue",
        "solo_size",
        "spec",
        "start_failures",
        "stopping",
        "supply",
        "tried",
        "try_at",
        "tuned",
        "wake_at",
        "window",
    )

    def __init__(self, id: str, spec: PoolSpec, queue: Queue, batchers: dict[str, Batcher]) -> None:
        self.id = id
        self.spec = spec
        self.queue = queue
        self.batchers = batchers
        self.solo_queue: deque[Input] = deque()  #: suspected of killing their container: they run alone
        self.solo_size = 0
        self.containers: dict[str, Container] = {}
        self.idle: dict[str, Container] = {}  #: oldest first
        self.room: dict[str, Container] = {}
        self.benched: dict[str, Container] = {}  #: idle and parked
        self.shelves: tuple[dict[str, Container], ...] = ({}, self.idle, self.room, self.benched)  #: by `Shelf`
        self.live = 0  #: unparked, leaving ones included: what max_containers limits
        self.supply = 0  #: unparked and not leaving
        self.busy = 0  #: slots in use in `supply`
        plain = all(not m.is_generator and m.batching is None for m in spec.methods.values())
        #: inputs run strictly one after another, so that some may be sent ahead
        self.single = spec.max_inputs == 1 and plain and not spec.single_use
        self.window = 1
        self.service: float | None = None  #: seconds per input
        self.cpu_share: float | None = None  #: cores that one busy container uses
        self.progress_at: float | None = None
        self.start_failures = 0
        self.deferrals = 0
        self.failed_upto = 0  #: containers up to this number belong to a wave of starts that was counted
        self.try_at = 0.0  #: no launch before
        self.look_at = 0.0  #: room is not looked for before
        self.gpu_since: float | None = None
        self.refused: dict[str, float] = {}  #: GPU kind → not before, after a deferred launch
        self.error: Any = None  #: it can never start
        self.noticed = False
        self.stopping = False
        self.tried = False  #: a container is wanted, to see whether it starts
        self.tuned = False  #: its limits were changed since it was added
        self.wake_at: float | None = None

    @property
    def capacity(self) -> int:
        """Most slots in use of one container."""
        if self.single:
            return 2 * self.window if self.window > 1 else 1
        return 1 if self.spec.single_use else self.spec.max_inputs

    @property
    def refill(self) -> int:
        """A container with at most this many slots in use is given more."""
        if self.single:
            return self.window if self.window > 1 else 0
        return self.capacity - 1

    @property
    def waiting(self) -> int:
        """Inputs that no container has."""
        single = self.queue.size + self.solo_size
        return single + sum(batcher.size for batcher in self.batchers.values()) if self.batchers else single

    @property
    def depth(self) -> int:
        """Depth of nesting of the deepest waiting input; -1 where nothing waits."""
        solo = max((item.owner.depth for item in self.solo_queue if item.attempt == QUEUED), default=-1)
        return max(self.queue.depth, solo, *(batcher.depth for batcher in self.batchers.values()), -1)

    @property
    def queued_slots(self) -> int:
        """Slots that the waiting inputs will take: a full batch takes one."""
        return self.queue.size + self.solo_size + sum(batcher.slots for batcher in self.batchers.values())


class Sandbox:
    """One container that is driven by hand; see `sandboxes`. Its `state` is one of these."""

    WAITING, STARTING, RUNNING, ENDING = range(4)

    __slots__ = (
        "cause",
        "code",
        "deadline",
        "deferrals",
        "detail",
        "hold",
        "id",
        "idle_since",
        "idle_timeout_s",
        "limits",
        "maker",
        "processes",
        "resources",
        "state",
        "timeout_s",
        "try_at",
        "wake_at",
    )

    def __init__(
        self, id: str, resources: Resources, timeout_s: float, idle_timeout_s: float | None, maker: str
    ) -> None:
        self.id = id
        self.maker = maker
        self.resources = resources
        self.timeout_s = timeout_s
        self.idle_timeout_s = idle_timeout_s
        self.state = Sandbox.WAITING
        self.hold: Hold | None = None
        self.deferrals = 0
        self.try_at = 0.0  #: no start before
        self.deadline: float | None = None
        self.processes: dict[str, None] = {}  #: what runs in it besides its own program
        self.limits: dict[str, float] = {}  #: when those of them end that have a timeout
        self.idle_since = 0.0
        #: why it is being ended, and what is to be told of that
        self.cause: Literal["exited", "timeout", "terminated", "start_failed"] | None = None
        self.code = 0
        self.detail = ""
        self.wake_at: float | None = None
