"""web.*: requests that a program of this host sends to web functions."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
from websockets.sync.client import connect

import intermodal
from intermodal.exception import InvalidError
from intermodal_conformance.apps import web
from intermodal_conformance.apps.common import SMALL
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target

#: For an answer, with the start of a container before it.
SECONDS = 60.0
#: Bytes of an upload: more than what is under way at once.
LARGE = 8 << 20


@pytest.fixture(scope="module")
def running(target: Target) -> Iterator[None]:
    """The app, for all tests of this module."""
    with web.app.run():
        yield


def url(function: Any) -> SplitResult:
    """Where it takes requests."""
    found: str | None = function.get_web_url()
    assert found is not None
    return urlsplit(found)


def begin(function: Any, path: str = "", method: str = "GET", body: bytes = b"", **headers: str) -> Any:
    """The connection, and the response as far as its head; requests go to `path` below the function's URL."""
    place = url(function)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(place.hostname, place.port or 80, timeout=SECONDS)
    connection.request(method, f"{place.path.rstrip('/')}/{path}", body, headers)
    return connection, connection.getresponse()


def ask(function: Any, path: str = "", method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """The status and the whole body of a response."""
    connection, response = begin(function, path, method, body, **headers)
    with closing(connection):
        return response.status, response.read()


def nothing() -> None:
    """A web function that is never asked."""


def nothing_else() -> None:
    """Another."""


@requirement("web.kinds")
@pytest.mark.usefixtures("running")
def test_a_request_comes_whole_and_so_does_its_response() -> None:
    """Method, query, headers and a large body; status, headers and body."""
    body = secrets.token_bytes(LARGE)
    connection, response = begin(web.site, "echo?a=1&b=%20", "PUT", body, **{"X-Word": "hello"})
    with closing(connection):
        assert (response.status, response.getheader("x-own")) == (201, "kept")
        assert json.loads(response.read()) == {
            "method": "PUT",
            "query": "a=1&b=%20",
            "word": "hello",
            "size": LARGE,
            "sha256": hashlib.sha256(body).hexdigest(),
        }


@requirement("web.kinds")
@pytest.mark.usefixtures("running")
def test_a_response_comes_as_it_is_produced() -> None:
    """The second piece is made only when the first has been read."""
    connection, response = begin(web.site, "twice")
    with closing(connection):
        assert response.read(5) == b"first"
        assert ask(web.site, "second") == (200, b"")
        assert response.read() == b"second"


@requirement("web.kinds")
@pytest.mark.usefixtures("running")
def test_a_client_that_leaves_ends_its_request() -> None:
    """The app sees that it is cancelled."""
    connection, response = begin(web.site, "forever")
    assert response.read(9) == b"on and on"
    response.close()
    connection.close()
    assert ask(web.site, "gone") == (200, b"gone")


@requirement("web.kinds")
@pytest.mark.usefixtures("running")
def test_websockets_carry_messages_both_ways() -> None:
    """Text and bytes, in order."""
    with connect(url(web.site).geturl().replace("http", "ws", 1), proxy=None) as socket:
        for message in ("there and back", b"\x00\xff" * 50_000, "again"):
            socket.send(message)
            assert socket.recv(timeout=SECONDS) == message


@requirement("web.kinds")
@pytest.mark.usefixtures("running")
def test_failures_are_told_by_the_status() -> None:
    """An app that fails is 500, one that takes too long 504, and nothing of what failed is shown."""
    status, body = ask(web.site, "raises")
    assert status == 500
    assert b"a detail" not in body
    assert ask(web.slow)[0] == 504
    assert ask(web.site)[0] == 201


@requirement("web.kinds")
@pytest.mark.usefixtures("running")
def test_wsgi_apps_and_servers_of_the_user_answer_too() -> None:
    """The latter from when their port is open."""
    assert ask(web.wsgi, method="POST", body=b"said") == (200, b"SAID")
    assert ask(web.port, "page") == (200, b"from a file")
    assert ask(web.port, "nothing")[0] == 404


@requirement("web.lookup")
@pytest.mark.usefixtures("running")
def test_urls_end_with_the_label() -> None:
    """Of web functions only; what is at no function's URL is not found."""
    assert "conformance-slow" in url(web.slow).path.rpartition("/")[2]
    assert "conformance-web-site" in url(web.site).path
    assert web.plain.get_web_url() is None
    place = url(web.site)
    assert place.hostname is not None
    with closing(http.client.HTTPConnection(place.hostname, place.port or 80, timeout=SECONDS)) as connection:
        connection.request("GET", "/nobody-has-this-label/")
        assert connection.getresponse().status == 404
    assert ask(web.site)[0] == 201


@requirement("web.lookup")
def test_two_functions_with_one_label_are_an_error(target: Target) -> None:
    """Which names the label; the one that is alone with its own answers."""
    app = intermodal.App("conformance-labels")
    for function in (nothing, nothing_else):
        decorated = intermodal.wsgi_app(label="conformance-same")(function)
        app.function(serialized=True, **SMALL)(decorated)
    with pytest.raises(InvalidError, match="conformance-same"), app.run():
        pass
