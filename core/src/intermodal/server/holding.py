"""One server for each PostgreSQL database: two would each carry out what is deployed there."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from sqlalchemy import Connection, Engine, text

from intermodal.exception import ConfigError
from intermodal.server.trouble import UNAVAILABLE

__all__ = ["holding"]

_log = logging.getLogger("intermodal.server")

#: The lock, which PostgreSQL lets go of when the connection ends that has it.
_LOCK = 0x1D7E40A2
#: Seconds that a server which has just been killed may take to be gone.
_GOING_S = 10.0
#: Seconds between looks whether the connection lives, and between tries to get the lock.
_LOOK_S, _POLL_S = 2.0, 0.1
#: So that PostgreSQL notices within half a minute when this machine is gone.
_SIGNS_OF_LIFE = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
_HOLDER = """
SELECT application_name, client_addr FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND granted AND objid = :lock
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@contextlib.contextmanager
def holding(database: Engine, lost: Callable[[Exception], None]) -> Iterator[Callable[[str], None]]:
    """Be the one server of a PostgreSQL database. Gives what takes the URL, for others to be told. Of other databases
    the data directory sees to it.

    Args:
        lost: called once, on a thread, where the connection broke and another server has taken the database since.

    Raises `ConfigError`: there is a server; one of `UNAVAILABLE`.
    """
    if database.dialect.name != "postgresql":
        yield lambda url: None
        return
    hold = _Hold(database, lost)
    try:
        yield hold.note
    finally:
        hold.close()


class _Hold:
    def __init__(self, database: Engine, lost: Callable[[Exception], None]) -> None:
        self._database = database
        self._lost = lost
        self._name = "intermodal"
        self._ended = threading.Event()
        self._using = threading.Lock()
        self._connection = self._taken()
        self._thread = threading.Thread(target=self._watch, name="intermodal-database", daemon=True)
        self._thread.start()

    def note(self, url: str) -> None:
        """Where this server is."""
        self._name = f"intermodal at {url}"
        with self._using:
            self._call(self._connection)

    def close(self) -> None:
        """Let go."""
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def _taken(self) -> Connection:
        connection = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        try:
            connection.exec_driver_sql(_SIGNS_OF_LIFE)
            self._call(connection)
            deadline = time.monotonic() + _GOING_S
            while not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar():
                if time.monotonic() > deadline or self._ended.wait(_POLL_S):
                    raise ConfigError(
                        f"the database of database_url is in use by another server ({_holder(connection)}): end that "
                        "one, or use another database"
                    )
        except BaseException:
            connection.close()
            raise
        return connection

    def _call(self, connection: Connection) -> None:
        connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": self._name[:60]})

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            try:
                with self._using:
                    self._connection.exec_driver_sql("SELECT 1")
            except UNAVAILABLE as error:
                _log.error("the database is out of reach: %s", error)
                if not self._back():
                    return

    def _back(self) -> bool:
        """Take it again when it answers. False: this server is over."""
        while not self._ended.wait(_POLL_S):
            try:
                with self._using:
                    self._connection.close()
                    self._connection = self._taken()
            except UNAVAILABLE:
                continue
            except ConfigError as error:
                if not self._ended.is_set():
                    self._lost(error)
                return False
            _log.warning("the database answers again")
            return True
        return False


def _holder(connection: Connection) -> str:
    row = connection.execute(text(_HOLDER), {"lock": _LOCK}).first()
    if row is None:
        return "which is just ending"
    name = row.application_name if row.application_name.isprintable() else "without a name"
    return f"{name} from {row.client_addr}" if row.client_addr else name
