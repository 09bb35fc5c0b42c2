"""Clients: they submit, read at their own pace, go away and come back, repeat what they are not sure of.

Outputs reach a client by cursor: what the control plane has for a call beyond what the client has read. So an output
that was under way when the connection broke is sent again, and none comes twice (fault 4).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from intermodal.engine.commands import Deliver
from intermodal.engine.events import (
    CallCancelled,
    CallSubmitted,
    ClientLeft,
    CreditGranted,
    InputsAdded,
    InputsCancelled,
)
from intermodal.specs.status import ITEM

from .draw import Plan
from .faults import Fault

if TYPE_CHECKING:
    from .world import World

__all__ = ["Clients"]


class Clients:
    """All clients of a world. `plans` has each call that was made, by id."""

    def __init__(self, world: World, random: Random, faults: frozenset[Fault]) -> None:
        self._world, self._random, self._faults = world, random, faults
        self.plans: dict[str, Plan] = {}
        self.received: dict[str, list[tuple[int, int, Any]]] = {}
        self.away: set[str] = set()
        self.left: set[str] = set()
        self._owed: dict[str, int] = {}  # items read but not granted again
        world.on_outputs = self._outputs

    def plan(self, call: str, plan: Plan) -> None:
        """Make the call when its time comes."""
        self._world.after(plan.at, self._submit, call, plan)

    # ---- calling ---------------------------------------------------------------------------------------------------

    def _submit(self, call: str, plan: Plan) -> None:
        if plan.client in self.left:
            return
        world = self._world
        self.plans[call] = plan
        self.received[call] = []
        closed = len(plan.parts) == 1
        world.submit(
            plan.pool,
            list(plan.parts[0]),
            call,
            client=plan.client,
            closed=closed,
            key=f"key of {call}",
            credit=plan.credit,
        )
        if not closed:
            world.after(plan.pause, self._add, call, plan)
        if plan.cancel_at is not None:
            world.after(plan.cancel_at, world.send, CallCancelled(call, plan.terminate))
        if plan.drop:
            world.after(plan.drop_at, world.send, InputsCancelled(call, list(plan.drop)))
        if Fault.RESUBMIT in self._faults:
            world.after(self._random.random(), self._resubmit, call, plan)

    def _add(self, call: str, plan: Plan) -> None:
        added = InputsAdded(call, list(plan.parts[1]), True, first=len(plan.parts[0]))
        self._world.send(added)
        if Fault.RESUBMIT in self._faults:
            self._world.after(self._random.random(), self._world.send, added)

    def _resubmit(self, call: str, plan: Plan) -> None:
        """The answer was lost: the same again, or under another id by who has only the key."""
        world, key = self._world, f"key of {call}"
        again = self._random.choice([call, f"{call}-again"])
        repeated = CallSubmitted(again, plan.pool, plan.client, list(plan.parts[0]), len(plan.parts) == 1, key=key)
        before = world.engine.counters.accepted
        world.send(repeated)
        assert world.engine.counters.accepted == before, "a repeated submission was taken for a new one"
        assert world.engine.call_of_key(key) == call

    # ---- reading ---------------------------------------------------------------------------------------------------

    def _outputs(self, command: Deliver) -> None:
        plan = self.plans.get(command.call)
        if plan is not None:
            assert plan.client not in self.left, f"outputs for {plan.client}, which has left"
            if plan.client not in self.away:
                self._read(command.call, plan)

    def _read(self, call: str, plan: Plan) -> None:
        mine, outbox = self.received[call], self._world.outputs.get(call, [])
        fresh = outbox[len(mine) :]
        mine += fresh
        items = sum(1 for _, status, _ in fresh if status == ITEM)
        if items and plan.credit is not None:
            slow = Fault.READER in self._faults
            if slow and self._random.random() < 0.1:
                return  # it never reads on
            self._world.after(self._random.random() * (0.5 if slow else 0.001), self._grant, call, items)

    def _grant(self, call: str, items: int) -> None:
        if self.plans[call].client not in self.left:
            self._world.send(CreditGranted(call, items))

    # ---- coming and going ------------------------------------------------------------------------------------------

    def go(self, client: str) -> None:
        """Its connection breaks."""
        self._world.timeline.note(self._world.now, f"{client} is away")
        self.away.add(client)

    def come_back(self, client: str) -> None:
        """It goes on where it was."""
        if client in self.left:
            return
        self._world.timeline.note(self._world.now, f"{client} is back")
        self.away.discard(client)
        for call, plan in self.plans.items():
            if plan.client == client:
                self._read(call, plan)

    def leave(self, client: str) -> None:
        """It was away for longer than its lease."""
        if client in self.away:
            self.left.add(client)
            self._world.send(ClientLeft(client))

    def all_read(self) -> None:
        """Each client that is there has each output once."""
        for call, plan in self.plans.items():
            if plan.client not in self.left:
                assert self.received[call] == self._world.outputs.get(call, []), (
                    f"{plan.client} misses outputs of {call}"
                )
