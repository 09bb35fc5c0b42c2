"""Values of METRIC lines over time, on disk (log.lines)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    MetaData,
    Table,
    delete,
    func,
    insert,
    select,
)

from intermodal.plugins import Metric
from intermodal.server.database import open_file
from intermodal.server.portable import LONGEST_NAME, NUMBER, Name, alone, mean, whole

__all__ = ["Point", "Series", "SeriesStore", "Span", "open_samples"]

_VERSIONS = Path(__file__).parent / "versions"
#: Samples that are kept at most, a hundred bytes each or so; and how many are removed at once.
_MOST, _CHUNK = 2_000_000, 1000

SAMPLES = Table(
    "samples",
    MetaData(),
    Column("id", NUMBER, primary_key=True),
    Column("at", Float, nullable=False),
    Column("environment", Name, nullable=False),
    Column("app", Name, nullable=False),
    Column("function", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("unit", Name, nullable=False),
    Column("value", Float, nullable=False),
    Index("samples_by_name", "environment", "app", "name", "at"),
)
_SAMPLE = SAMPLES.c


@dataclass(frozen=True, slots=True)
class Series:
    """What one function of an app measures under one name: how often, the `last` value, and `at`, when that came, in
    Unix seconds."""

    function: str
    name: str
    unit: str
    count: int
    last: float
    at: float


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` until before `until`, in Unix seconds, in `points` equal parts."""

    since: float
    until: float
    points: int

    @property
    def step(self) -> float:
        """Seconds of a part."""
        return (self.until - self.since) / self.points


@dataclass(frozen=True, slots=True)
class Point:
    """Values in the part of a `Span` that begins at `at`; there is none for a part without values."""

    function: str
    unit: str
    at: float
    mean: float
    least: float
    greatest: float
    count: int


class SeriesStore:
    """One file of samples. On any thread.

    Args:
        seconds: how long a sample stays, where `most` newer ones have not come before.
    """

    def __init__(self, database: Engine, seconds: float, most: int = _MOST) -> None:
        self._database = database
        self._seconds = seconds
        self._most = most

    def append(self, environment: str, metrics: Sequence[Metric]) -> None:
        """Keep the values that are numbers, under names of bearable length, and remove what is too old. Raises one of
        `UNAVAILABLE`."""
        rows = [
            {
                "at": metric.at,
                "environment": environment,
                "app": metric.app,
                "function": metric.function,
                "name": metric.name,
                "unit": metric.unit,
                "value": metric.value,
            }
            for metric in metrics
            if math.isfinite(metric.value) and len(metric.name) <= LONGEST_NAME and len(metric.unit) <= LONGEST_NAME
        ]
        with self._database.begin() as connection:
            alone(connection)
            if rows:
                connection.execute(insert(SAMPLES), rows)
            self._prune(connection)

    def apps(self, environment: str) -> list[str]:
        """Those that measure something, by name. Each is looked up in the index: samples are not counted for it."""
        found = [""]
        with self._database.connect() as connection:
            while True:
                later = (_SAMPLE.environment == environment, _SAMPLE.app > found[-1])
                name = connection.execute(select(func.min(_SAMPLE.app)).where(*later)).scalar()
                if name is None:
                    return found[1:]
                found.append(str(name))

    def series(self, environment: str, app: str) -> list[Series]:
        """Those of an app, by function and name."""
        key = (_SAMPLE.function, _SAMPLE.name, _SAMPLE.unit)
        newest = func.max(_SAMPLE.id).label("newest")
        groups = select(newest, func.count().label("count")).where(*_of(environment, app)).group_by(*key).subquery()
        last = select(*key, groups.c.count, _SAMPLE.value, _SAMPLE.at).join(groups, _SAMPLE.id == groups.c.newest)
        with self._database.connect() as connection:
            return [Series(*row) for row in connection.execute(last.order_by(*key))]

    def points(self, environment: str, app: str, name: str, span: Span) -> list[Point]:
        """Values of `name`, by function, unit and time."""
        dialect = self._database.dialect
        part = whole((_SAMPLE.at - span.since) / span.step, dialect).label("part")
        key = (_SAMPLE.function, _SAMPLE.unit, part)
        value = _SAMPLE.value
        figures = (mean(value, dialect), func.min(value), func.max(value), func.count())
        within = (_SAMPLE.name == name, _SAMPLE.at >= span.since, _SAMPLE.at < span.until)
        by = ("function", "unit", "part")  # by name: to PostgreSQL the same expression with parameters is another one
        statement = select(*key, *figures).where(*_of(environment, app), *within).group_by(*by).order_by(*by)
        with self._database.connect() as connection:
            return [
                Point(
                    function,
                    unit,
                    span.since + min(place, span.points - 1) * span.step,
                    min(max(float(middle), least), greatest),
                    least,
                    greatest,
                    count,
                )
                for function, unit, place, middle, least, greatest, count in connection.execute(statement)
            ]

    def _prune(self, connection: Connection) -> None:
        """Looks at the oldest only, so that it costs what it removes."""
        before = time.time() - self._seconds
        newest = connection.execute(select(func.max(_SAMPLE.id))).scalar() or 0
        connection.execute(delete(SAMPLES).where(_SAMPLE.id <= newest - self._most))
        oldest = select(_SAMPLE.id, _SAMPLE.at).order_by(_SAMPLE.id).limit(_CHUNK)
        while rows := connection.execute(oldest).all():
            young = next((place for place, row in enumerate(rows) if row.at >= before or row.id == newest), len(rows))
            if young:
                connection.execute(delete(SAMPLES).where(_SAMPLE.id <= rows[young - 1].id))
            if young < len(rows):
                return

    def close(self) -> None:
        """Let go of the file."""
        self._database.dispose()


def open_samples(data_dir: Path, url: str = "") -> Engine:
    """The samples of a data directory, or of the database at `url`. They outlive the death of any process; the last
    ones before a power failure may be missing. Raises as `open_file`."""
    return open_file(data_dir / "metrics.db", _VERSIONS, url=url, relaxed=True)


def _of(environment: str, app: str) -> tuple[Any, Any]:
    return _SAMPLE.environment == environment, _SAMPLE.app == app
