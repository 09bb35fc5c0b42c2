"""A world drawn from a seed, run to its end, with every invariant. The same scenario always goes the same way."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from intermodal.engine import Engine
from intermodal.engine.events import AutoscalerUpdated, PoolAdded, StopRequested, UnusedPoolsForgotten
from intermodal.specs.status import CANCELLED, OK

from .clients import Clients
from .draw import APPS, Plan, draw_call, draw_pool, draw_scaling, draw_totals
from .faults import Fault, odds_for
from .injecting import LAST_S, inject
from .invariants import audit, nothing_left
from .world import World

__all__ = ["Scenario"]

#: Every call must have ended this long after the last fault, seconds.
SETTLED_S = 400.0
#: Faults that may make an input fail that is itself in order.
_HARMFUL = {Fault.CRASH, Fault.PARTITION, Fault.CLOCK}


@dataclass(frozen=True)
class Scenario:
    """What to draw.

    Args:
        seed: of everything.
        faults: which kinds of fault may happen.
        pools: how many pools.
        calls: how many calls.
        inputs: most inputs of a call.
    """

    seed: int
    faults: frozenset[Fault] = frozenset()
    pools: int = 3
    calls: int = 4
    inputs: int = 8

    def random(self, what: str) -> Random:
        """A stream of chance for one thing."""
        return Random(f"{self.seed}/{what}")

    def run(self, *, verbose: bool = False) -> World:
        """Run it to its end. Raises `AssertionError` where an invariant does not hold."""
        return Run(self, verbose).to_the_end()

    def check(self) -> None:
        """Run it; where it fails, the error has its timeline and what replays it."""
        try:
            self.run()
        except Exception as error:
            raise AssertionError(f"{self.explain()}\n\nTo see this again: {self.command}") from error

    def explain(self) -> str:
        """The timeline, as far as it goes, and how it ended."""
        run = Run(self, verbose=True)
        try:
            run.to_the_end()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the last line of the timeline
            return f"{run.world.timeline}\n{type(error).__name__}: {error}"
        return f"{run.world.timeline}\nEverything holds."

    @property
    def command(self) -> str:
        """What replays it."""
        faults = ",".join(str(int(fault)) for fault in sorted(self.faults)) or "none"
        return (
            f"make simulate SEED={self.seed} FAULTS={faults} POOLS={self.pools} CALLS={self.calls} INPUTS={self.inputs}"
        )


class Run:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, verbose: bool) -> None:
        self.scenario = scenario
        faults = scenario.faults
        totals = draw_totals(scenario.random("totals"))
        self.world = world = World(
            Engine(gpu_wait_s=1.0), totals=totals, seed=scenario.seed, odds=odds_for(faults), start_s=0.05
        )
        world.timeline.verbose = verbose
        world.timeline.note(0.0, scenario.command)
        self._turns = 0
        world.on_turn = self._audit_now_and_then
        pools = {f"pool{n}": draw_pool(scenario.random(f"pool {n}")) for n in range(scenario.pools)}
        world.send(*(PoolAdded(name, spec) for name, spec in pools.items()))
        self.clients = Clients(world, scenario.random("clients"), faults)
        self.plans: list[Plan] = []
        for n in range(scenario.calls):
            plan = draw_call(scenario.random(f"call {n}"), pools, 2, scenario.inputs, faults)
            self.plans.append(plan)
            self.clients.plan(f"call{n}", plan)
        self._disturb(scenario.random("disturbances"))
        inject(world, self.clients, ["client0", "client1"], scenario.random("faults"), faults)

    def _disturb(self, random: Random) -> None:
        """What users do at any time that is no fault."""
        world = self.world
        for name in world.specs:
            if random.random() < 0.3:
                most = random.choice([None, 1, 3])
                scaling = draw_scaling(random, min(random.choice([0, 1, 2]), most or 2), most)
                world.after(4.0 * random.random(), world.send, AutoscalerUpdated(name, scaling))
        self.stopped_app = random.choice(APPS) if random.random() < 0.15 else None
        if self.stopped_app is not None:
            world.after(3.0 * random.random(), world.send, StopRequested(self.stopped_app))
        else:
            for _ in range(3):
                world.after(4.0 * random.random(), world.send, UnusedPoolsForgotten())

    def _audit_now_and_then(self) -> None:
        self._turns += 1
        if self._turns % 16 == 0:
            audit(self.world.engine)

    def to_the_end(self) -> World:
        """Run, and check all that must hold at the end."""
        world = self.world
        world.run(until=LAST_S)
        world.run(until=LAST_S + 2.0)
        limit = world.now + SETTLED_S
        while world.open_calls and world.now < limit:
            world.run(until=world.now + 5.0)
        assert not world.open_calls, f"calls never end: {[*world.open_calls]}\n{world.describe()}"
        audit(world.engine)
        self._results()
        world.run(until=world.now + 30.0)
        running = [box.id for box in world.containers.values() if box.running or box.queue]
        assert not running, f"{running} run something when all calls have ended"
        world.send(StopRequested())
        world.run(until=world.now + 30.0)
        assert world.engine.stopped
        assert not world.containers, f"left behind: {[*world.containers]}"
        nothing_left(world.engine)
        world.send(UnusedPoolsForgotten())
        assert not world.engine._core.pools, f"pools are kept that were stopped: {[*world.engine._core.pools]}"
        return world

    def _results(self) -> None:
        clients, world = self.clients, self.world
        for client in sorted(clients.away - clients.left):
            clients.come_back(client)
        clients.all_read()
        for call, plan in clients.plans.items():
            results = world.results(call)
            if plan.client in clients.left:
                continue
            count = len(results)
            everything = count == len(plan.programs)
            cut_short = plan.cancel_at is not None or self._stops(plan)
            assert sorted(results) == list(range(count)), f"{call} has results for {sorted(results)}"
            assert everything or cut_short, f"{call} has {count} results for {len(plan.programs)} inputs"
            for index, program in enumerate(plan.programs[:count]):
                status, payload = results[index]
                if status == OK:
                    assert payload == program.value
                if status == CANCELLED:
                    assert cut_short or index in plan.drop, f"{call}[{index}] was cancelled by nobody"
                elif self._innocent(plan, index):
                    assert status == OK, f"{call}[{index}] failed without a reason: {payload}"

    def _stops(self, plan: Plan) -> bool:
        return self.world.specs[plan.pool].app == self.stopped_app

    def _innocent(self, plan: Plan, index: int) -> bool:
        """Nothing can go wrong with this input."""
        world, program = self.world, plan.programs[index]
        spec = world.specs[plan.pool]
        bad_starts = Fault.POISON in self.scenario.faults
        fits = world.engine._core.ledger.never(spec.resources) is None
        own = program.fail or program.crash or program.items or program.children
        return fits and not own and not bad_starts and not _HARMFUL & self.scenario.faults
