"""The database file that several engines share: opened under their common lock, every transaction under it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from intermodal.storage.pokes import Pokes
from intermodal.storage.state.ledger import Job, Ledger
from intermodal.storage.state.lines import Ticket
from intermodal.storage.state.neighbours import Neighbours
from intermodal.storage.state.requests import RequestError
from intermodal.storage.state.schema import FILE, connect_file
from intermodal.storage.state.transaction import Transaction

__all__ = ["SharedLedger"]


class SharedLedger:
    """A ledger on `data_dir/state.sqlite`. Used by one thread at a time.

    SQLite's own lock is waited for by sleeping and looking again; ours, `state.lock`, in the kernel, and a killed
    holder frees it.
    """

    def __init__(self, data_dir: Path) -> None:
        """Raises `RequestError` where the file cannot be used."""
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(data_dir / "state.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self.pokes = Pokes(data_dir / "wake")
            except BaseException:
                os.close(self._lock)
                raise
        except OSError as error:
            raise RequestError(
                "BackendError", f"queues and dicts cannot be kept in INTERMODAL_DATA_DIR {data_dir}: {error}"
            ) from None
        try:
            with self._held():
                connection = connect_file(data_dir / FILE)
                self._neighbours = Neighbours(self.pokes)
                transaction = Transaction(connection)
                transaction.begin()
                self._neighbours.arrive(transaction)
                transaction.commit()
        except BaseException:
            self._release()
            raise
        self._ledger = Ledger(connection, self._neighbours)

    def transact(self, jobs: Sequence[Job], done: list[Ticket], *, poked: bool) -> None:
        """As `Ledger.transact`; `poked` says that another process changed something this one waits for.

        Raises `RequestError`, with nothing done, where the host refuses the lock.
        """
        if poked:
            self.pokes.drain()
            self._neighbours.poked = True
        try:
            with self._held():
                self._ledger.transact(jobs, done)
        except OSError as error:
            raise RequestError("BackendError", f"the lock of queues and dicts cannot be had: {error}") from None

    def transact_now(self, jobs: Sequence[Job], done: list[Ticket]) -> bool:
        """As `transact`; False, with nothing done, where another process has the file. Never waits for one."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._ledger.transact(jobs, done)
        except OSError:  # held, or refused: `transact` finds out which
            return False
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        return True

    def close(self, error: RequestError) -> list[Ticket]:
        """Close the file; those that still wait, failed with `error`."""
        with self._held():
            waiting = self._ledger.close(error)
        self._release()
        return waiting

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _release(self) -> None:
        self.pokes.close()
        os.close(self._lock)
