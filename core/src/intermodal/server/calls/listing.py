"""Lists of calls, and of a call's inputs, for people: what goes on, what has failed and why."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, case, select

from intermodal.driver.failures import told
from intermodal.server.calls.rows import Call
from intermodal.server.calls.schema import CALLS, OUTPUTS
from intermodal.server.calls.store import DESCRIBED, calls_of
from intermodal.specs.status import CANCELLED, ERROR

__all__ = ["CallInput", "CallListing"]

#: What is listed at once, at most.
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInput:
    """One input of a call: "succeeded", "failed", "cancelled" or "pending". `at` is when that was recorded, in Unix
    seconds; what is known of a failure is text."""

    index: int
    state: str
    at: float | None = None
    error: str = ""
    message: str = ""
    traceback: str = ""


class CallListing:
    """From any thread."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def calls(
        self,
        environment: str,
        *,
        app: str | None = None,
        parent: str | None = None,
        failed: bool = False,
        pending: bool = False,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Call]:
        """Those of an environment or an app, the newest first.

        Args:
            parent: only those that this call made.
            failed: only those with inputs that have failed; pending: only those that go on.
            before: a call's number: those that were accepted before it.
        """
        query = select(*DESCRIBED).where(CALLS.c.environment == environment).order_by(CALLS.c.number.desc())
        if app is not None:
            query = query.where(CALLS.c.app == app)
        if parent is not None:
            query = query.where(CALLS.c.parent == parent)
        if failed:
            failing = select(OUTPUTS.c.call).where(OUTPUTS.c.call == CALLS.c.number, OUTPUTS.c.status == ERROR)
            query = query.where((CALLS.c.failed > 0) | (CALLS.c.ended.is_(None) & failing.exists()))
        if pending:
            query = query.where(CALLS.c.ended.is_(None))
        if before is not None:
            query = query.where(CALLS.c.number < before)
        with self._database.connect() as connection:
            return calls_of(connection, query.limit(max(1, min(limit, MOST))))

    def inputs(self, call: Call, first: int = 0, limit: int = 100) -> list[CallInput]:
        """Inputs of a call from `first` on, in order; none of one that has expired."""
        if call.expired is not None:
            return []
        first = max(first, 0)
        last = min(first + max(1, min(limit, MOST)), call.inputs)
        raised = case((OUTPUTS.c.status == ERROR, OUTPUTS.c.payload), else_=None)
        query = select(OUTPUTS.c.index, OUTPUTS.c.status, OUTPUTS.c.at, raised.label("raised")).where(
            OUTPUTS.c.call == call.number, OUTPUTS.c.index >= first, OUTPUTS.c.index < last
        )
        with self._database.connect() as connection:
            recorded = {int(row[0]): row for row in connection.execute(query)}
        inputs = []
        for index in range(first, last):
            row = recorded.get(index)
            inputs.append(
                CallInput(index=index, state="pending")
                if row is None
                else _input(index, row.status, row.at, bytes(row.raised or b""))
            )
        return inputs

    def failed_inputs(self, call: Call, skipped: int = 0, limit: int = 100) -> list[CallInput]:
        """Inputs of a call that have failed, in order, but for the first `skipped`; none of one that has expired."""
        query = select(OUTPUTS.c.index, OUTPUTS.c.status, OUTPUTS.c.at, OUTPUTS.c.payload).where(
            OUTPUTS.c.call == call.number, OUTPUTS.c.status == ERROR
        )
        query = query.order_by(OUTPUTS.c.index).offset(max(skipped, 0)).limit(max(1, min(limit, MOST)))
        with self._database.connect() as connection:
            return [_input(row[0], row.status, row.at, bytes(row.payload)) for row in connection.execute(query)]


def _input(index: int, status: int, at: float, payload: bytes) -> CallInput:
    if status == CANCELLED:
        return CallInput(index=index, state="cancelled", at=at)
    if status != ERROR:
        return CallInput(index=index, state="succeeded", at=at)
    raised = told(payload)
    return CallInput(
        index=index, state="failed", at=at, error=raised.error, message=raised.message, traceback=raised.traceback
    )
