"""Detached calls in their database: what was accepted, and the one output of each input (deploy.durable)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from intermodal.driver.keeping import DetachedCall, Kept, Output, Verdict
from intermodal.exception import InvalidError, NotFoundError
from intermodal.server.calls.request import unpacked
from intermodal.server.calls.rows import Call, Fresh, Recorded, States
from intermodal.server.calls.schema import CALLS, OUTPUTS
from intermodal.specs.status import CANCELLED, ERROR
from intermodal.wire.payload import failed

__all__ = ["DESCRIBED", "CallStore", "calls_of"]

#: Ids and numbers in one statement.
_SOME = 500
#: Columns of a `Call`.
DESCRIBED = tuple(column for column in CALLS.c if column.name not in ("request", "digest", "size"))


class CallStore:
    """Reads are for any thread, writes for one."""

    def __init__(self, database: Engine) -> None:
        self.database = database
        self._numbers: dict[str, int] = {}  #: of calls that go on
        with database.connect() as connection:
            self._next = int(connection.execute(select(func.max(CALLS.c.number))).scalar() or 0) + 1

    def close(self) -> None:
        """No more of it."""
        self.database.dispose()

    # ---- writing ----------------------------------------------------------------------------------------------------

    def write(self, fresh: Sequence[Fresh], recorded: Sequence[Recorded], ended: Sequence[str]) -> list[Verdict]:
        """All or nothing, on the disk when this returns: what becomes of each of `fresh`. Raises
        `sqlalchemy.exc.SQLAlchemyError`."""
        with self.database.begin() as connection:
            verdicts, new = self._accept(connection, fresh)
            self._record(connection, recorded)
            self._end(connection, [self._number(connection, call) for call in ended])
        self._numbers.update(new)
        for call in ended:
            self._numbers.pop(call, None)
        return verdicts

    def _accept(self, connection: Connection, fresh: Sequence[Fresh]) -> tuple[list[Verdict], dict[str, int]]:
        known: dict[str, str] = {}
        for some in _parts([call.id for call in fresh]):
            query = select(CALLS.c.id, CALLS.c.digest).where(CALLS.c.id.in_(some))
            known.update((id, digest) for id, digest in connection.execute(query))
        verdicts: list[Verdict] = []
        rows: list[dict[str, Any]] = []
        for call in fresh:
            digest = known.setdefault(call.id, "")
            if not digest:
                known[call.id] = call.digest
                rows.append(_row(call, self._next + len(rows)))
            elif digest != call.digest:
                verdicts.append(
                    InvalidError(f"the id {call.id} is that of another call: each call needs one of its own")
                )
                continue
            verdicts.append(Kept(new=not digest))
        if rows:
            connection.execute(insert(CALLS), rows)
        self._next += len(rows)
        return verdicts, {row["id"]: row["number"] for row in rows}

    def _record(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        rows = [
            {"call": number, "index": index, "status": status, "at": each.at, "payload": payload}
            for each in recorded
            for number in (self._number(connection, each.call),)
            for index, status, payload in zip(each.indices, each.statuses, each.payloads, strict=True)
        ]
        if rows:
            connection.execute(_first_wins(connection), rows)

    def _end(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Calls whose inputs all have their outputs have ended."""
        if numbers:
            now = time.time()
            connection.execute(_ENDING, [{"of": number, "now": now} for number in numbers])

    def _number(self, connection: Connection, call: str) -> int:
        number = self._numbers.get(call)
        if number is None:
            number = self._numbers[call] = _found(connection, call).number
        return number

    def settle(self) -> None:
        """See to the ends of calls that no one told of, since the process ended in between."""
        with self.database.begin() as connection:
            complete = select(OUTPUTS.c.call).group_by(OUTPUTS.c.call).having(func.count() > 0)
            query = select(CALLS.c.number).where(CALLS.c.ended.is_(None))
            query = query.where(CALLS.c.number.in_(complete) | (CALLS.c.inputs == 0))
            self._end(connection, list(connection.execute(query).scalars()))

    def finish(self, call: str, status: int, error: str, message: str) -> None:
        """Give all inputs without an output this one, which ends the call. Raises `NotFoundError`."""
        with self.database.begin() as connection:
            found = _found(connection, call)
            done = set(connection.execute(select(OUTPUTS.c.index).where(OUTPUTS.c.call == found.number)).scalars())
            left = [index for index in range(found.inputs) if index not in done]
            payload = failed(error, message)
            self._record(connection, [Recorded(call, left, [status] * len(left), [payload] * len(left), time.time())])
            self._end(connection, [found.number])
        self._numbers.pop(call, None)

    def forget_failed(self, call: str, indices: Sequence[int] | None) -> Sequence[int]:
        """Take the outputs of inputs that failed away (all, or `indices`), so that they can run again; which.

        Raises:
            NotFoundError: there is no such call any more.
            InvalidError: it goes on, or none of its inputs has failed, or one of `indices` has not.
        """
        with self.database.begin() as connection:
            found = _found(connection, call)
            if found.ended is None:
                raise InvalidError(f"call {call} goes on: wait for its end, or cancel it, before inputs run again")
            if found.expired is not None:
                raise NotFoundError(f"the inputs of call {call} are no longer kept")
            failing = (OUTPUTS.c.call == found.number) & (OUTPUTS.c.status == ERROR)
            able = set(connection.execute(select(OUTPUTS.c.index).where(failing)).scalars())
            again = sorted(able if indices is None else indices)
            if wrong := [index for index in again if index not in able]:
                raise InvalidError(
                    f"input {wrong[0]} of call {call} has not failed: only what has failed can run again"
                )
            if not again:
                raise InvalidError(f"no input of call {call} has failed")
            for some in _parts(again):
                connection.execute(delete(OUTPUTS).where(failing & OUTPUTS.c.index.in_(some)))
            connection.execute(update(CALLS).where(CALLS.c.number == found.number).values(ended=None))
            return again

    def expire(self, before: float, forget: float, size: int) -> int:
        """Remove inputs and outputs of calls that ended before `before`, and of the oldest until all take at most
        `size` bytes; nothing is known any more of those that expired before `forget`. How many went: where some did,
        there may be more."""
        ended, kept = CALLS.c.ended.is_not(None), CALLS.c.expired.is_(None)
        oldest = select(CALLS.c.number, CALLS.c.ended, CALLS.c.size).where(ended & kept).order_by(CALLS.c.ended)
        with self.database.begin() as connection:
            excess = int(connection.execute(select(func.coalesce(func.sum(CALLS.c.size), 0))).scalar() or 0) - size
            numbers = []
            for number, at, bytes_ in connection.execute(oldest.limit(_SOME)):
                if at >= before and excess <= 0:
                    break
                numbers.append(number)
                excess -= bytes_
            connection.execute(delete(OUTPUTS).where(OUTPUTS.c.call.in_(numbers)))
            gone = {"expired": time.time(), "request": b"", "size": 0}
            connection.execute(update(CALLS).where(CALLS.c.number.in_(numbers)).values(**gone))
            forgotten = connection.execute(delete(CALLS).where(CALLS.c.expired < forget)).rowcount
            if connection.dialect.name == "sqlite" and numbers:
                connection.exec_driver_sql("PRAGMA incremental_vacuum(2000)")
        return len(numbers) + forgotten

    # ---- reading ----------------------------------------------------------------------------------------------------

    def output(self, call: str, index: int) -> Output:
        """Raises `NotFoundError`: no such call was accepted, or it has no such input."""
        query = (
            select(CALLS.c.inputs, CALLS.c.expired, OUTPUTS.c.status, OUTPUTS.c.payload)
            .join_from(CALLS, OUTPUTS, (OUTPUTS.c.call == CALLS.c.number) & (OUTPUTS.c.index == index), isouter=True)
            .where(CALLS.c.id == call)
        )
        with self.database.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise _unknown(call)
        if row.expired is not None:
            return Output("expired")
        if row.status is not None:
            return Output("done", row.status, bytes(row.payload))
        if not 0 <= index < row.inputs:
            raise NotFoundError(f"call {call!r} has no output {index}")
        return Output("pending")

    def call(self, call: str) -> Call:
        """Raises `NotFoundError`."""
        with self.database.connect() as connection:
            return _found(connection, call)

    def knows(self, call: str) -> bool:
        """Was it accepted, and not forgotten since?"""
        with self.database.connect() as connection:
            return connection.execute(select(CALLS.c.number).where(CALLS.c.id == call)).scalar() is not None

    def unended(self, environment: str | None = None, app: str | None = None) -> list[Call]:
        """Calls that go on, of all apps or of one, in the order in which they were accepted."""
        query = select(*DESCRIBED).where(CALLS.c.ended.is_(None)).order_by(CALLS.c.number)
        if app is not None:
            query = query.where((CALLS.c.environment == environment) & (CALLS.c.app == app))
        with self.database.connect() as connection:
            return calls_of(connection, query)

    def children(self, call: str) -> list[Call]:
        """Calls that it made."""
        with self.database.connect() as connection:
            return calls_of(connection, select(*DESCRIBED).where(CALLS.c.parent == call).order_by(CALLS.c.number))

    def to_begin(self, call: str) -> tuple[DetachedCall, list[int]]:
        """What a call needs to begin, and its inputs that have their outputs, whose places are empty. Raises
        `NotFoundError`."""
        with self.database.connect() as connection:
            found = _found(connection, call)
            request = connection.execute(select(CALLS.c.request).where(CALLS.c.id == call)).scalar_one()
            done = list(connection.execute(select(OUTPUTS.c.index).where(OUTPUTS.c.call == found.number)).scalars())
        parameters, inputs = unpacked(bytes(request))
        detached = DetachedCall(
            id=found.id,
            app=found.app,
            function=found.function,
            method=found.method,
            parameters=parameters,
            options=found.options,
            inputs=inputs,
            parent=found.parent,
        )
        return detached, sorted(done)


def _row(call: Fresh, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "id": call.id,
        "environment": call.environment,
        "app": call.app,
        "function": call.function,
        "method": call.method,
        "options": call.options,
        "parent": call.parent,
        "inputs": call.inputs,
        "digest": call.digest,
        "request": call.request,
        "created": call.created,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
        "size": len(call.request),
    }


def _first_wins(connection: Connection) -> Any:
    """Insert outputs but for those of inputs that have one."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(OUTPUTS).on_conflict_do_nothing()


def _ending() -> Any:
    number: Any = bindparam("of")
    mine = OUTPUTS.c.call == number

    def count(*conditions: Any) -> Any:
        return select(func.count()).select_from(OUTPUTS).where(mine, *conditions).scalar_subquery()

    bytes_ = select(func.coalesce(func.sum(func.length(OUTPUTS.c.payload)), 0)).where(mine).scalar_subquery()
    return (
        update(CALLS)
        .where(CALLS.c.number == number, CALLS.c.ended.is_(None), CALLS.c.inputs == count())
        .values(
            ended=bindparam("now"),
            succeeded=count(OUTPUTS.c.status != ERROR, OUTPUTS.c.status != CANCELLED),
            failed=count(OUTPUTS.c.status == ERROR),
            cancelled=count(OUTPUTS.c.status == CANCELLED),
            size=func.length(CALLS.c.request) + bytes_,
        )
    )


_ENDING = _ending()


def _found(connection: Connection, call: str) -> Call:
    calls = calls_of(connection, select(*DESCRIBED).where(CALLS.c.id == call))
    if not calls:
        raise _unknown(call)
    return calls[0]


def _unknown(call: str) -> NotFoundError:
    return NotFoundError(f"no call {call:.80} is known here")


def calls_of(connection: Connection, query: Any) -> list[Call]:
    """What a query for `DESCRIBED` finds."""
    rows = [dict(row) for row in connection.execute(query).mappings()]
    going_on = [row["number"] for row in rows if row["ended"] is None]
    counted = _counts(connection, going_on)
    calls = []
    for row in rows:
        succeeded, failing, cancelled = row.pop("succeeded"), row.pop("failed"), row.pop("cancelled")
        if row["ended"] is None:
            succeeded, failing, cancelled = counted.get(row["number"], (0, 0, 0))
        pending = row["inputs"] - succeeded - failing - cancelled
        states = States(succeeded=succeeded, failed=failing, cancelled=cancelled, pending=pending)
        calls.append(Call(**row, states=states))
    return calls


def _counts(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Of calls that go on: outputs by state."""
    status = OUTPUTS.c.status
    failing, cancelled = (func.sum(case((status == each, 1), else_=0)) for each in (ERROR, CANCELLED))
    found: dict[int, tuple[int, int, int]] = {}
    for some in _parts(numbers):
        query = select(OUTPUTS.c.call, func.count(), failing, cancelled).where(OUTPUTS.c.call.in_(some))
        for number, all_, failed_, cancelled_ in connection.execute(query.group_by(OUTPUTS.c.call)):
            found[number] = int(all_ - failed_ - cancelled_), int(failed_), int(cancelled_)
    return found


def _parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + _SOME] for start in range(0, len(items), _SOME))
