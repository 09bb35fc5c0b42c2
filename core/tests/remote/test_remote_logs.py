"""Following lines over the ends of their server."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from intermodal.exception import ConnectionError
from intermodal.plugins import Config
from intermodal.remote import logs
from intermodal.remote.logs import RemoteLogs

EVENT = 'id: {id}\ndata: {{"id": {id}}}\n\n'


@contextmanager
def server(*answers: str | None) -> Iterator[tuple[str, list[str | None]]]:
    """One that gives each request the next stream of events and hangs up, or says why not; None: it refuses. Its URL,
    and the ids from which it was asked to resume."""
    asked: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Last-Event-ID"))
            answer = answers[min(len(asked), len(answers)) - 1]
            if answer is None:
                self.connection.close()
                return
            self.send_response(401 if answer.startswith("{") else 200)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", asked
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def reader(url: str, monkeypatch: pytest.MonkeyPatch) -> RemoteLogs:
    monkeypatch.setattr(logs, "_RETRY_S", 0.01)
    monkeypatch.setenv("INTERMODAL_SERVER_URL", url)
    return RemoteLogs(Config.load())


def test_a_follower_that_has_seen_no_line_resumes_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says where that is, without a line; refusals in between are waited out."""
    with server("id: 7\n: so far\n\n", None, None, EVENT.format(id=9), EVENT.format(id=12)) as (url, asked):
        lines = reader(url, monkeypatch).follow({"app": "shop"}, 0, None)
        assert [next(lines), next(lines)] == [{"id": 9}, {"id": 12}]
        assert asked == [None, "7", "7", "7", "9"]


def test_removed_lines_are_told_apart_from_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap is None in the stream; a position is nothing."""
    with server("id: 3\n: so far\n\nevent: gap\ndata: {}\n\n" + EVENT.format(id=8)) as (url, _):
        lines = reader(url, monkeypatch).follow({"app": "shop"}, 0, None)
        assert [next(lines), next(lines)] == [None, {"id": 8}]


def test_a_follower_whose_token_is_revoked_hears_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for a server that is there."""
    with server("id: 7\n: so far\n\n", '{"error": "ConnectionError", "message": "revoked"}') as (url, asked):
        with pytest.raises(ConnectionError, match="revoked"):
            next(reader(url, monkeypatch).follow({"app": "shop"}, 0, None))
        assert len(asked) == 2


def test_a_server_that_was_never_there_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first connection has to succeed; and one that stays away is given up."""
    with server(None) as (url, asked):
        with pytest.raises(ConnectionError):
            next(reader(url, monkeypatch).follow({"app": "shop"}, 0, None))
        assert len(asked) == 1
    monkeypatch.setattr(logs, "_PATIENCE_S", 0.2)
    with server("id: 7\n: so far\n\n", None) as (url, asked):
        with pytest.raises(ConnectionError):
            next(reader(url, monkeypatch).follow({"app": "shop"}, 0, None))
        assert len(asked) > 1
