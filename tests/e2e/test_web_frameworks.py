"""web.kinds: FastAPI, Flask, and servers of the user's own, in images that have them."""

from __future__ import annotations

from collections.abc import Iterator

import app_frameworks as m
import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with m.app.run():
        yield


def url(label: str) -> str:
    return str(m.asgi.get_web_url()).removesuffix("asgi") + label


def ask(method: str, path: str, **options: object) -> httpx.Response:
    return httpx.request(method, url(path), timeout=SECONDS, trust_env=False, **options)  # type: ignore[arg-type]


def test_a_fastapi_endpoint() -> None:
    """Parameters are FastAPI's affair, its refusals too; `docs=True` shows its page; other sites' pages may ask."""
    reply = httpx.post(f"{m.order.get_web_url()}?fruit=pear&count=2", timeout=SECONDS, trust_env=False)
    assert reply.json()["ordered"] == ["pear", "pear"]
    assert reply.json()["input"]
    assert ask("POST", "frameworks-order").status_code == 422
    assert ask("GET", "frameworks-order?fruit=a").status_code == 405
    assert "swagger" in ask("GET", "frameworks-order/docs").text
    assert (
        ask("GET", "price?fruit=apple", headers={"origin": "http://other"}).headers["access-control-allow-origin"]
        == "*"
    )
    assert ask("GET", "price?fruit=apple").json() == 3
    assert ask("GET", "price/docs").status_code == 404


def test_flask() -> None:
    """Its own URLs have the label."""
    reply = ask("POST", "flask/greet/me", content=bytes(1000))
    assert reply.json() == {"name": "me", "size": 1000, "url": "/flask/greet/me"}


@pytest.mark.parametrize("label", ["asgi", "server"])
def test_an_app_is_the_same_as_an_app_and_behind_a_server_of_its_own(label: str) -> None:
    """Streams, JSON, WebSockets, statuses."""
    assert ask("GET", f"{label}/count?to=300").text == "".join(f"data: {number}\n\n" for number in range(300))
    assert ask("POST", f"{label}/size", json={"a": 1, "b": 2}).text == "2"
    for parts in ((b'{"a":', b" 1}"), (b'{"a": 1}',), (b'{"a": 1}', b" " * 300_000)):  # whole at once, and not
        reply = ask("POST", f"{label}/size", content=iter(parts), headers={"content-type": "application/json"})
        assert reply.text == "1"
        assert len(reply.headers.get_list("date")) == 1
    assert ask("GET", f"{label}/nothing").status_code == 404
    assert ask("HEAD", f"{label}/nothing").status_code == 404
    there = url(f"{label}/ws").replace("http", "ws", 1)
    with connect(there, proxy=None) as line:
        for text in ("ab", "c" * 70_000):
            line.send(text)
            assert line.recv(timeout=SECONDS) == text.upper()
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(there + "x", proxy=None) as line:
        line.recv(timeout=SECONDS)


def test_a_server_that_does_not_start_is_500() -> None:
    """After its `startup_timeout`, with the reason in the log."""
    assert ask("GET", "absent").status_code == 500
