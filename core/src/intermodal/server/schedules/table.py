"""Schedules of deployed functions in the server's database, and their runs: each slot is taken once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from intermodal.exception import NotFoundError
from intermodal.server.database import SCHEDULE_RUNS, SCHEDULES
from intermodal.specs import CronSpec, PeriodSpec, ScheduleSpec, from_json, to_json

__all__ = ["Key", "Run", "RunState", "Schedule", "ScheduleTable"]

#: Runs of one schedule that are kept.
_KEPT_RUNS = 100

#: A run goes on until it has one of the others.
RunState: TypeAlias = Literal["running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Key:
    """A scheduled function: whatever version of its app is live."""

    environment: str
    app: str
    function: str

    def of(self, table: Table) -> ColumnElement[bool]:
        """Its rows."""
        columns = table.c
        same: ColumnElement[bool] = (
            (columns.environment == self.environment) & (columns.app == self.app) & (columns.function == self.function)
        )
        return same

    def columns(self) -> dict[str, str]:
        """For a new row."""
        return {"environment": self.environment, "app": self.app, "function": self.function}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`since`: when it was deployed first, which periods are counted from; `seen`: its slots up to then are seen to.
    In Unix seconds."""

    key: Key
    spec: ScheduleSpec
    since: float
    seen: float
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one slot came to. `call` is the id of the function call; `slot`, `started`, `ended` in Unix seconds;
    `tries` counts the servers that have begun it."""

    key: Key
    slot: float
    call: str
    state: RunState
    tries: int
    started: float
    ended: float | None
    error: str


class ScheduleTable:
    """On any thread; one process writes."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    # ---- schedules --------------------------------------------------------------------------------------------------

    def all(self) -> list[Schedule]:
        """Of all apps, by name."""
        order = (SCHEDULES.c.environment, SCHEDULES.c.app, SCHEDULES.c.function)
        with self._database.connect() as connection:
            return [_schedule(row) for row in connection.execute(select(SCHEDULES).order_by(*order)).mappings()]

    def replace(self, environment: str, app: str, specs: Mapping[str, ScheduleSpec], now: float) -> None:
        """Those that the live version of an app has, by function. One that it had already goes on; another begins
        now; others are no more."""
        with self._database.begin() as connection:
            of_app = (SCHEDULES.c.environment == environment) & (SCHEDULES.c.app == app)
            rows = connection.execute(select(SCHEDULES).where(of_app)).mappings()
            before = {row["function"]: _schedule(row) for row in rows}
            for function, old in before.items():
                if specs.get(function) != old.spec:
                    connection.execute(delete(SCHEDULES).where(old.key.of(SCHEDULES)))
            for function, spec in specs.items():
                same = before.get(function)
                if same is not None and same.spec == spec:
                    continue
                row = {
                    **Key(environment, app, function).columns(),
                    "spec": json.dumps(to_json(spec)),
                    "since": now,
                    "seen": now,
                    "paused": int(same is not None and same.paused),
                }
                connection.execute(insert(SCHEDULES), [row])

    def see(self, key: Key, seen: float) -> None:
        """Its slots up to then are seen to."""
        with self._database.begin() as connection:
            connection.execute(update(SCHEDULES).where(key.of(SCHEDULES)).values(seen=seen))

    def pause(self, key: Key) -> None:
        """Let no slot run from now on."""
        self._set(key, paused=1)

    def resume(self, key: Key, now: float) -> None:
        """Let slots after `now` run again; those of the pause do not."""
        self._set(key, paused=0, seen=now)

    def _set(self, key: Key, **values: float) -> None:
        with self._database.begin() as connection:
            if not connection.execute(update(SCHEDULES).where(key.of(SCHEDULES)).values(**values)).rowcount:
                raise NotFoundError(f"function {key.function!r} of app {key.app!r} has no schedule")

    # ---- runs -------------------------------------------------------------------------------------------------------

    def claim(self, key: Key, slot: float, now: float, *, manual: bool = False) -> Run | None:
        """Take a slot, on the disk when this returns, and see to all before it; None: it was taken before."""
        run = Run(
            key=key,
            slot=slot,
            call=f"fc-s{secrets.token_hex(8)}",
            state="running",
            tries=0,
            started=now,
            ended=None,
            error="",
        )
        row = {
            **key.columns(),
            **{name: getattr(run, name) for name in ("slot", "call", "state", "tries", "started", "ended", "error")},
        }
        try:
            with self._database.begin() as connection:
                connection.execute(insert(SCHEDULE_RUNS), [row])
                if not manual:
                    connection.execute(update(SCHEDULES).where(key.of(SCHEDULES)).values(seen=slot))
                _forget(connection, key)
        except IntegrityError:
            if not manual:
                self.see(key, slot)
            return None
        return run

    def tried(self, run: Run) -> None:
        """A server begins it."""
        with self._database.begin() as connection:
            connection.execute(update(SCHEDULE_RUNS).where(_this(run)).values(tries=SCHEDULE_RUNS.c.tries + 1))

    def end(self, run: Run, state: RunState, now: float, error: str = "") -> None:
        """How it ended."""
        values = {"state": state, "ended": now, "error": error}
        with self._database.begin() as connection:
            connection.execute(update(SCHEDULE_RUNS).where(_this(run)).values(**values))

    def unended(self) -> list[Run]:
        """Runs that were going on when the server last ended, the oldest first."""
        query = select(SCHEDULE_RUNS).where(SCHEDULE_RUNS.c.state == "running").order_by(SCHEDULE_RUNS.c.slot)
        with self._database.connect() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def runs(self, key: Key) -> list[Run]:
        """Those that are kept, the newest first."""
        query = select(SCHEDULE_RUNS).where(key.of(SCHEDULE_RUNS)).order_by(SCHEDULE_RUNS.c.slot.desc())
        with self._database.connect() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]


def _forget(connection: Connection, key: Key) -> None:
    of_key = key.of(SCHEDULE_RUNS)
    newest = select(SCHEDULE_RUNS.c.slot).where(of_key).order_by(SCHEDULE_RUNS.c.slot.desc())
    oldest_kept = connection.execute(newest.offset(_KEPT_RUNS - 1).limit(1)).scalar()
    if oldest_kept is not None:
        over = (SCHEDULE_RUNS.c.slot < oldest_kept) & (SCHEDULE_RUNS.c.state != "running")
        connection.execute(delete(SCHEDULE_RUNS).where(of_key & over))


def _this(run: Run) -> ColumnElement[bool]:
    return SCHEDULE_RUNS.c.call == run.call


def _key(row: Mapping[str, Any]) -> Key:
    return Key(row["environment"], row["app"], row["function"])


def _schedule(row: Any) -> Schedule:
    stored = json.loads(row["spec"])
    kind: type[CronSpec] | type[PeriodSpec] = CronSpec if stored["type"] == "CronSpec" else PeriodSpec
    spec = from_json(kind, stored)
    return Schedule(key=_key(row), spec=spec, since=row["since"], seen=row["seen"], paused=bool(row["paused"]))


def _run(row: Any) -> Run:
    names = ("slot", "call", "state", "tries", "started", "ended", "error")
    return Run(key=_key(row), **{name: row[name] for name in names})
