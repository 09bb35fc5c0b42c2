"""Pools, programs and calls of a scenario, drawn from a seed. Each has a stream of chance of its own: taking one away
leaves the others as they are, so that a failing scenario can be made smaller."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from intermodal.engine.events import MethodPolicy, PoolSpec
from intermodal.specs import BatchPolicy, GpuChoice, GpuRequest, Resources, ResourceTotals, RetryPolicy, Scaling

from .faults import Fault
from .program import Program

__all__ = ["APPS", "Plan", "draw_call", "draw_pool", "draw_totals"]

APPS = ("shop", "lab")
_GPUS = (GpuChoice("H100"), GpuChoice("A100", 2), GpuChoice(None))


@dataclass(frozen=True)
class Plan:
    """A call that will be made: when, by whom, in how many parts, and whether it is given up."""

    at: float
    client: str
    pool: str
    parts: tuple[tuple[Program, ...], ...]
    pause: float
    credit: int | None
    cancel_at: float | None
    terminate: bool
    drop: tuple[int, ...]  #: inputs that are cancelled singly
    drop_at: float

    @property
    def programs(self) -> list[Program]:
        """All inputs in order."""
        return [program for part in self.parts for program in part]


def draw_totals(random: Random) -> ResourceTotals:
    """What the backend has."""
    cpu = random.choice([None, 1.0, 2.0, 4.0])
    memory = random.choice([None, 600, 1200, 8192])
    return ResourceTotals(cpu=cpu, memory=memory, gpus=random.choice([None, {"H100": 1}, {"H100": 1, "A100": 4}]))


def draw_pool(random: Random) -> PoolSpec:
    """A pool of any kind."""
    kind = random.choice(["plain", "plain", "async", "batched", "generator"])
    most = random.choice([None, None, 1, 2, 4])
    least = min(random.choice([0, 0, 0, 1, 2]), most or 2)
    max_inputs = random.choice([1, 1, 2, 4])
    retries = None
    if kind != "generator" and random.random() < 0.5:
        retries = RetryPolicy(max_retries=random.randint(1, 3), initial_delay=random.choice([0.0, 0.2]))
    batching = (
        BatchPolicy(max_size=random.randint(1, 4), wait_s=random.choice([0.0, 0.1])) if kind == "batched" else None
    )
    policy = MethodPolicy(
        retries=retries, batching=batching, is_generator=kind == "generator", is_async=kind in ("async", "generator")
    )
    gpu = None
    if random.random() < 0.25:
        gpu = GpuRequest(tuple(random.sample(_GPUS, random.randint(1, 2))))
    return PoolSpec(
        app=random.choice(APPS),
        resources=Resources(cpu=random.choice([0.125, 0.5, 1.0]), memory=random.choice([64, 128, 300]), gpu=gpu),
        scaling=draw_scaling(random, least, most),
        timeout_s=random.choice([1.5, 3.0]),
        startup_timeout_s=1.0,
        max_inputs=max_inputs,
        target_inputs=random.choice([None, max(1, max_inputs // 2)]),
        methods={"": policy},
        grace_s=random.choice([0.5, 2.0]),
        single_use=random.random() < 0.1,
    )


def draw_scaling(random: Random, least: int, most: int | None) -> Scaling:
    """How many containers."""
    buffer, window = random.choice([0, 0, 0, 1]), random.choice([0.0, 0.5, 5.0])
    return Scaling(min_containers=least, max_containers=most, buffer_containers=buffer, window_s=window)


def draw_call(random: Random, pools: dict[str, PoolSpec], clients: int, inputs: int, faults: frozenset[Fault]) -> Plan:
    """A call of one of the pools."""
    pool = random.choice(list(pools))
    generator = pools[pool].methods[""].is_generator
    count = 1 if generator else random.randint(0, inputs)
    poisoned = Fault.POISON in faults and random.random() < 0.4
    programs = tuple(_program(random, pools, generator, faults, 0) for _ in range(count))
    if poisoned and programs:
        programs = (*programs[:-1], Program(random.random(), sleep=0.01, crash=99))
    cut = random.randint(0, count)
    parts = (programs[:cut], programs[cut:]) if random.random() < 0.4 and not generator else (programs,)
    return Plan(
        at=random.choice([0.0, 2.0 * random.random()]),
        client=f"client{random.randrange(clients)}",
        pool=pool,
        parts=parts,
        pause=random.random(),
        credit=random.choice([None, 1, 3]) if generator else None,
        cancel_at=4.0 * random.random() if random.random() < 0.2 else None,
        terminate=random.random() < 0.3,
        drop=tuple(random.sample(range(inputs), min(2, inputs))) if random.random() < 0.2 else (),
        drop_at=2.0 * random.random(),
    )


def _program(
    random: Random, pools: dict[str, PoolSpec], generator: bool, faults: frozenset[Fault], depth: int
) -> Program:
    callees = [name for name, spec in pools.items() if not spec.methods[""].is_generator]
    children: tuple[Program, ...] = ()
    if callees and not generator and depth < 3 and random.random() < 0.25:
        children = tuple(_program(random, pools, False, faults, depth + 1) for _ in range(random.randint(1, 3)))
    return Program(
        random.random(),
        sleep=random.choice([0.0, 0.00001, 0.001, 0.02, 0.3]) if not generator else random.choice([0.0, 0.01]),
        fail=random.choice([0, 0, 0, 0, 1, 2, 9]),
        crash=0,
        deaf=Fault.STUBBORN in faults and random.random() < 0.5,
        items=random.randint(1, 8) if generator else 0,
        pool=random.choice(callees) if children else "",
        children=children,
    )
