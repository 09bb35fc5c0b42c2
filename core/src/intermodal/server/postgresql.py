"""PostgreSQL instead of files: each store has a schema of its own in one database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, QueuePool, create_engine, event, make_url, text
from sqlalchemy.exc import TimeoutError

from intermodal.exception import ConfigError, RemoteError
from intermodal.plugins.extras import needing
from intermodal.server.trouble import tell_trouble

__all__ = ["make_schema", "postgresql_engine", "postgresql_url"]

#: Connections of a store that stay open, and that there may be besides.
_POOL, _MORE = 4, 6
#: Of libpq: a server that is cut off is noticed within half a minute. What the URL says goes before.
_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "intermodal",
}
#: Of the lock that lets one process at a time bring schemas up to date.
_UPGRADES = 0x1D7E40A1


def postgresql_url(text: str) -> URL:
    """What the setting `database_url` means. Raises `ConfigError` without it: it may have a password."""
    url: URL | None
    try:
        url = make_url(text.strip())
    except Exception:  # noqa: BLE001 - whatever the parser stumbles over, its message might show the password
        url = None
    if url is None or url.drivername not in ("postgresql", "postgres") or not url.database:
        raise ConfigError(
            "database_url (INTERMODAL_DATABASE_URL) is no URL of a PostgreSQL database: write "
            "postgresql://USER@HOST[:PORT]/DATABASE, or postgresql:///DATABASE?host=/DIRECTORY/OF/THE/SOCKET"
        )
    query = {**_PATIENCE, **url.query}
    return url.set(drivername="postgresql+psycopg", query=query)


def postgresql_engine(url: URL, schema: str, *, relaxed: bool) -> Engine:
    """Of one store; no connection is made yet. Raises `ConfigError`: the driver is not installed.

    Args:
        relaxed: the last transactions before a power failure may be missing.
    """
    with needing("postgresql", "database_url"):
        import psycopg  # noqa: F401 - SQLAlchemy would say less of it
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=_Pool,
        pool_pre_ping=True,
        pool_size=_POOL,
        max_overflow=_MORE,
        pool_timeout=15,
    )
    tell_trouble(engine, f"the PostgreSQL database {_shown(url)}")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET search_path TO {schema}")
        if relaxed:
            connection.execute("SET synchronous_commit TO off")
        connection.autocommit = False

    return engine


def make_schema(connection: Connection, schema: str) -> None:
    """Make it where there is none; until the transaction ends, nobody else gets past this."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADES})
    there = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
    if connection.execute(there, {"name": schema}).first() is None:
        connection.execute(text(f"CREATE SCHEMA {schema}"))


class _Pool(QueuePool):
    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except TimeoutError:
            raise RemoteError(
                f"the PostgreSQL database does not keep up: {_POOL + _MORE} connections wait for it; try again later"
            ) from None


def _shown(url: URL) -> str:
    place = url.host or str(url.query.get("host") or "the local socket")
    return f"{url.database!r} at {place}"
