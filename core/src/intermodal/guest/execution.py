"""Running sync user code for one piece of work, and turning what happens into results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from intermodal.exception import InputCancellation
from intermodal.guest.batching import bind, elements, gather
from intermodal.guest.errors import encode
from intermodal.guest.results import NOTHING, dumps_result
from intermodal.guest.session import Session
from intermodal.guest.turns import Seat
from intermodal.guest.work import Batch, Input
from intermodal.specs.status import CANCELLED, ERROR, GENERATOR_END, ITEM, OK
from intermodal.wire.payload import Payload, SharedPayload, loads

__all__ = ["Armor", "Execution", "arguments", "outcome"]


class Armor:
    """Stands where `Interruption` does, on threads that no signal interrupts."""

    armed = 0


def arguments(payload: Payload) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The (args, kwargs) of an input. Raises `DeserializationError`. Shared memory that no argument views is let go."""
    args, kwargs = loads(payload)
    if isinstance(payload, SharedPayload):
        payload.drop()
    return args, kwargs


def outcome(session: Session, attempt: int, error: BaseException) -> tuple[int, Payload]:
    """Status and payload of an input that ended with `error`."""
    if attempt in session.cancelled and isinstance(error, InputCancellation):
        return CANCELLED, NOTHING
    return ERROR, encode(error)


class Execution:
    """Sync user code on one thread, one piece of work at a time. `armor.armed` is the attempt to interrupt."""

    def __init__(self, session: Session, armor: Any) -> None:
        self._session = session
        self._armor = armor
        self._seat = Seat()
        #: attempts that run now
        self.current: tuple[int, ...] = ()

    def nudge(self) -> None:
        """Credit or a cancellation has come."""
        self._session.turns.nudge(self._seat)

    def run(self, work: Input | Batch, more: object) -> None:
        """Run `work` and hand in its results; `more`: further work waits behind it. Raises nothing of the user's."""
        if isinstance(work, Batch):
            self.current = tuple(each[0] for each in work.inputs)
            self._batch(work)
        else:
            self.current = (work[0],)
            if work[1].method.is_generator:
                self._generator(work)
            else:
                self._plain(work, more)
        self.current = ()

    def _plain(self, work: Input, more: object) -> None:
        session, armor = self._session, self._armor
        attempt, call, _, _, payload = work
        status = OK
        try:
            args, kwargs = arguments(payload)
            try:
                armor.armed = attempt
                if attempt in session.cancelled:
                    raise InputCancellation
                value = call.method.function(*args, **kwargs)
            finally:
                armor.armed = 0
            result = dumps_result(value, call.method.label, session.channel.arena, payload)
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are results too (call.errors)
            status, result = outcome(session, attempt, error)
        session.finish(attempt, status, result, more)

    def _generator(self, work: Input) -> None:
        session, armor = self._session, self._armor
        attempt, call, _, _, payload = work
        method = call.method
        iterator: Iterator[Any] = iter(())
        sent = 0
        status: int = GENERATOR_END
        result: Payload = NOTHING
        try:
            args, kwargs = arguments(payload)
            iterator = iter(method.function(*args, **kwargs))
            while True:
                self._await_credit(attempt, sent)
                try:
                    armor.armed = attempt
                    if attempt in session.cancelled:
                        raise InputCancellation
                    item = next(iterator)
                finally:
                    armor.armed = 0
                made = dumps_result(item, method.label, session.channel.arena, payload)
                session.results.add(attempt, ITEM, made, True)
                sent += 1
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            status, result = outcome(session, attempt, error)
            _close(iterator)
        session.granted.pop(attempt, None)
        session.finish(attempt, status, result)

    def _await_credit(self, attempt: int, sent: int) -> None:
        session = self._session
        granted = session.granted
        if granted.get(attempt, 0) > sent:
            return
        session.results.flush()
        session.turns.wait(lambda: granted.get(attempt, 0) > sent or attempt in session.cancelled, self._seat)

    def _batch(self, batch: Batch) -> None:
        session, armor = self._session, self._armor
        method = batch.inputs[0][1].method
        good, bound = unpacked(session, batch)
        if good:
            try:
                try:
                    armor.armed = batch.inputs[0][0]
                    if session.cancelled.issuperset(good):
                        raise InputCancellation
                    value = method.function(**gather(bound))
                finally:
                    armor.armed = 0
                    session.end_lines(batch.inputs[0][0])
                deal(session, batch, good, value)
            except BaseException as error:  # noqa: BLE001 - user code may raise anything
                fail(session, good, error)
        session.results.flush()


def unpacked(session: Session, batch: Batch) -> tuple[list[int], list[dict[str, Any]]]:
    """The attempts of a batch and their arguments by name. An input whose arguments cannot be had fails alone."""
    method = batch.inputs[0][1].method
    attempts: list[int] = []
    bound: list[dict[str, Any]] = []
    for attempt, _, _, _, payload in batch.inputs:
        try:
            bound.append(bind(method, *arguments(payload)))
            attempts.append(attempt)
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            session.finish(attempt, *outcome(session, attempt, error), True)
    return attempts, bound


def deal(session: Session, batch: Batch, attempts: Iterable[int], value: Any) -> None:
    """Give each input of a batch its element. One that cannot be pickled fails alone."""
    method = batch.inputs[0][1].method
    attempts = list(attempts)
    asked = {each[0]: each[4] for each in batch.inputs}
    for attempt, element in zip(attempts, elements(method, value, len(attempts)), strict=False):
        try:
            made = dumps_result(element, method.label, session.channel.arena, asked[attempt])
            result: tuple[int, Payload] = OK, made
        except Exception as error:  # noqa: BLE001 - user code may raise anything
            result = outcome(session, attempt, error)
        session.finish(attempt, *result, True)


def fail(session: Session, attempts: Iterable[int], error: BaseException) -> None:
    """One error for several inputs."""
    for attempt in attempts:
        session.finish(attempt, *outcome(session, attempt, error), True)


def _close(iterator: Any) -> None:
    """Let a generator that is left early run its `finally` blocks."""
    close = getattr(iterator, "close", None)
    if close is not None:
        try:
            close()
        except BaseException:  # noqa: BLE001 - user code may raise anything
            pass  # the input's end is decided already
