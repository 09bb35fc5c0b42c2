"""Whether the scaling policy is a good one: bursts, idle containers, fairness. All in virtual seconds."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from simulator import Program

from intermodal.specs import Resources, ResourceTotals, Scaling
from scale.meter import MeteredWorld

__all__ = ["BURSTS", "Burst", "Share", "Stream", "burst", "shares", "stream"]

CORES = 64
START_S = 0.3
#: Inputs, and seconds that each takes.
BURSTS = [(10_000, 0.001), (10_000, 0.01), (1_000, 0.1), (1_000, 1.0), (100, 10.0), (64, 1.0), (1, 1.0)]


def _world(seed: int = 1) -> MeteredWorld:
    return MeteredWorld(totals=ResourceTotals(cpu=CORES, memory=None), seed=seed, start_s=START_S)


@dataclass(frozen=True)
class Burst:
    """A map that arrives at once where nothing runs. `ideal_s`: with as many containers as can help, all known."""

    inputs: int
    each_s: float
    drain_s: float
    ideal_s: float
    starts: int
    idle_s: float
    busy_s: float


def burst(inputs: int, each_s: float, window_s: float = 5.0) -> Burst:
    """Drain it, and let the containers leave."""
    world = _world()
    world.add("p", resources=Resources(cpu=1.0), scaling=Scaling(window_s=window_s))
    world.submit("p", [Program(sleep=each_s)] * inputs)
    world.run()
    drained = world.now
    world.run(until=drained + window_s + 5.0)
    most = min(inputs, CORES)
    ideal = 1.0 * START_S + -(-inputs // most) * each_s
    return Burst(inputs, each_s, drained, ideal, world.starts, world.idle_s, world.busy_s)


@dataclass(frozen=True)
class Stream:
    """Single calls that come by chance. Waits are from the call to the start of its input."""

    window_s: float
    buffer: int
    mean_wait_s: float
    worst_wait_s: float
    starts: int
    idle_s: float
    busy_s: float


def stream(window_s: float, buffer: int, calls: int = 2_000, rate: float = 2.0, each_s: float = 0.5) -> Stream:
    """`rate` calls a second on average, each `each_s` long."""
    world, random = _world(), Random(7)
    scaling = Scaling(window_s=window_s, buffer_containers=buffer)
    world.add("p", resources=Resources(cpu=1.0), scaling=scaling)
    at: dict[str, float] = {}
    for number in range(calls):
        world.run(until=world.now + random.expovariate(rate))
        call = f"call {number}"
        at[call] = world.now
        world.submit("p", [Program(sleep=each_s)], call)
    world.run()
    world.run(until=world.now + window_s + 5.0)
    waits = [world.began_at[call][0] - at[call] for call in at]
    mean = sum(waits) / len(waits)
    return Stream(window_s, buffer, mean, max(waits), world.starts, world.idle_s, world.busy_s)


@dataclass(frozen=True)
class Share:
    """Two maps that want the same cores. `second_s`: from the second's arrival to its end, and if it were alone."""

    what: str
    second_s: float
    alone_s: float
    first_meanwhile: int
    second: int


def _second(pools: tuple[str, str], first: int, second: int, each_s: float) -> tuple[float, int]:
    world = _world()
    for number, pool in enumerate(dict.fromkeys(pools)):
        world.add(pool, app=f"app{number}", resources=Resources(cpu=1.0), scaling=Scaling(window_s=5.0))
    done = {"first": 0, "second": 0}

    def count(command: object) -> None:
        done[command.call] += len(command.indices)  # type: ignore[attr-defined]

    world.on_outputs = count
    if first:
        world.submit(pools[0], [Program(sleep=each_s)] * first, "first")
        world.run(until=5.0)
    arrived, before = world.now, done["first"]
    world.submit(pools[1], [Program(sleep=each_s)] * second, "second")
    while "second" in world.open_calls:
        world.run(until=world.now + 0.02)
    return world.now - arrived, done["first"] - before


def shares() -> list[Share]:
    """A long map of one app, or function, is under way when a second one comes."""
    found = []
    for what, pools in (("two maps of one function", ("p", "p")), ("two apps", ("p", "q"))):
        for second in (64, 1_000, 5_000):
            took, meanwhile = _second(pools, 20_000, second, 0.5)
            alone, _ = _second(pools, 0, second, 0.5)
            found.append(Share(what, took, alone, meanwhile, second))
    return found
