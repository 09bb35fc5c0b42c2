"""A real PostgreSQL server for tests, one for each session, started when first asked for, on a socket of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

__all__ = ["PostgresServer", "database_url", "postgres_server"]

_SECONDS = 120
_USER = "nobody"
#: Lives as long as its standard input is open, so as long as the tests' process, and leaves nothing.
_KEEPER = """
set -eu
trap '' INT
cd "$1"
"$2/initdb" -D data -U intermodal -A trust -E UTF8 --locale=C --no-sync >log 2>&1
"$2/postgres" -D data -k "$1" -c listen_addresses= -c fsync=off -c max_connections=300 >>log 2>&1 &
cat >/dev/null
kill -QUIT $!
wait $! || true
cd /
rm -rf "$1"
"""


class PostgresServer:
    """One whose socket is in `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def url(self, name: str) -> str:
        """Of one of its databases, as the setting `database_url` has it."""
        return f"postgresql://intermodal@/{name}?host={quote(str(self._root), safe='')}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database, for a while."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.command(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.command(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def out_of_reach(self, url: str) -> Iterator[None]:
        """For a while nobody can use this database: connections are cut, and new ones refused."""
        name = url.partition("@/")[2].partition("?")[0]
        self.command(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self.command(f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{name}'")
        try:
            yield
        finally:
            self.command(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def command(self, words: str) -> None:
        """Have the server do something."""
        with psycopg.connect(host=str(self._root), user="intermodal", dbname="postgres", autocommit=True) as connection:
            connection.execute(words.encode())

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            self.command("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running() -> Iterator[PostgresServer]:
    """The server, as a user without rights, as it wants it."""
    root = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # the path of a socket may have 107 characters
    words = ["sh", "-c", _KEEPER, "keeper", str(root), str(_programs())]
    if os.geteuid() == 0:
        user = pwd.getpwnam(_USER)
        os.chown(root, user.pw_uid, user.pw_gid)
        words = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *words]
    keeper = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True, env={"PATH": os.defpath})
    try:
        server = PostgresServer(root)
        deadline = time.monotonic() + _SECONDS
        while not server.answers():
            log = root / "log"
            said = log.read_text() if log.exists() else ""
            assert keeper.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        yield server
    finally:
        keeper.communicate(timeout=_SECONDS)
        shutil.rmtree(root, ignore_errors=True)


def _programs() -> Path:
    """Where its programs are: the newest, as Debian keeps them, or those in the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    program = found[-1] if found else shutil.which("postgres")
    if program is None:
        pytest.fail("PostgreSQL is not installed: tools/system-packages.sh, as root, installs it")
    return Path(program).resolve().parent


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL server."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Tests run once for each kind of database: a setting `database_url` for an empty one; "": a file."""
    if request.param == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url
