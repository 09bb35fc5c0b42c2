"""web.*: web functions through real clients."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import app_web as m
import httpx
import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect
from workplace import Workplace

from intermodal.exception import InvalidError

SECONDS = 60
MIB = 1 << 20


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    os.environ["INTERMODAL_TOKEN"] = "the-token"
    with m.app.run():
        yield
    del os.environ["INTERMODAL_TOKEN"]


@pytest.fixture(scope="module")
def client(running: None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=str(m.site.get_web_url()), timeout=SECONDS, trust_env=False) as client:
        yield client


pytestmark = [pytest.mark.usefixtures("running"), pytest.mark.one_user]


def until(true: Callable[[], Any]) -> None:
    """Wait for something that a container does by itself."""
    waited = threading.Event()
    for _ in range(SECONDS * 20):
        if true():
            return
        waited.wait(0.05)
    raise AssertionError("it never came")


def socket_url(path: str = "socket") -> str:
    return f"{m.site.get_web_url()}/{path}".replace("http", "ws", 1)


# ---- HTTP -----------------------------------------------------------------------------------------------------------


def test_a_request_reaches_the_app_as_it_was_sent(client: httpx.Client) -> None:
    """web.kinds: method, path, query, headers, body; the app's part of the path is its root; the lifespan ran once."""
    reply = client.put("/echo", params={"a": "1 2"}, content=b"hello", headers={"x-mine": "ü".encode("latin-1")})
    seen = reply.json()
    assert (seen["method"], seen["path"], seen["root_path"]) == ("PUT", "/site/echo", "/site")
    assert seen["query"] in ("a=1+2", "a=1%202")
    assert seen["size"] == 5
    assert ["x-mine", "ü"] in seen["headers"]
    assert seen["started"] == ["startup"]
    assert seen["state"] == {"shared": ["state"]}
    assert seen["input"]
    assert reply.headers["content-type"] == "application/json"


def test_the_url_itself_is_the_app_s_root(client: httpx.Client) -> None:
    """web.lookup: with and without a slash at the end; also by a host of its own, and told inside containers."""
    url = str(m.site.get_web_url())
    assert url == m.url_from_inside.remote()
    assert httpx.get(url, trust_env=False).json()["path"] == "/site/"
    assert httpx.get(url + "/", trust_env=False).json()["path"] == "/site/"
    root = url.removesuffix("/site")
    by_host = httpx.get(f"{root}/echo", headers={"host": "site.localhost:1"}, trust_env=False).json()
    assert (by_host["path"], by_host["root_path"]) == ("/echo", "")


def test_curl_posts_json() -> None:
    """web.lookup."""
    url = f"{m.site.get_web_url()}/echo"
    words = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "-X",
        "POST",
        "-H",
        "Content-Type: application/json",
        "-d",
        '{"x": 1}',
        url,
    ]
    shown = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=SECONDS).stdout)
    assert (shown["method"], shown["size"]) == ("POST", 8)
    head = subprocess.run([*words[:4], "-I", url], capture_output=True, text=True, check=True, timeout=SECONDS).stdout
    assert head.startswith("HTTP/1.1 200")


def test_who_asks_for_nothing_hears_what_is_there(client: httpx.Client) -> None:
    """404 names the endpoints; a function that is none has no URL."""
    root = str(m.site.get_web_url()).removesuffix("/site")
    reply = httpx.get(f"{root}/nothing", trust_env=False)
    assert reply.status_code == 404
    assert "/site/" in reply.text
    assert "/e2e-web-slow/" in reply.text
    assert m.not_web.get_web_url() is None


def test_a_web_function_is_not_called(client: httpx.Client) -> None:
    """It says where its requests go; other functions and methods beside it are called as ever."""
    with pytest.raises(InvalidError, match=r"'site' is a web function: send requests to its URL"):
        m.site.remote()
    assert m.Shop().plain.remote() == ["apple"]
    assert m.not_web.remote() > 0


def test_a_response_arrives_as_it_is_produced(client: httpx.Client) -> None:
    """web.kinds: the first event is read before the second is made; the head before there is any body."""
    with client.stream("GET", "/gated") as reply:
        pieces = reply.iter_raw()
        assert next(pieces) == b"data: first\n\n"
        client.get("/open")
        assert next(pieces) == b"data: second\n\n"
        assert list(pieces) == []
    with client.stream("GET", "/late") as reply:
        assert reply.status_code == 200
        client.get("/open")
        assert reply.read() == b"body"


def test_a_client_that_leaves_cancels_its_request(client: httpx.Client) -> None:
    """web.kinds: while it reads, and while it waits for the first word."""
    before = client.get("/counts").json()["cancelled"]
    with client.stream("GET", "/forever") as reply:
        assert next(reply.iter_raw()) == b"on and on"
    until(lambda: client.get("/counts").json()["cancelled"] == before + 1)
    parts = urlsplit(str(m.site.get_web_url()))
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as waiting:
        waiting.sendall(b"GET /site/silent HTTP/1.1\r\nHost: x\r\n\r\n")
        client.get("/counts")
    until(lambda: client.get("/counts").json()["cancelled"] == before + 2)


def test_bodies_of_100_mib_go_both_ways_in_bounded_memory(client: httpx.Client, tmp_path: Path) -> None:
    """web.kinds: uploads and responses stream; this process, which the gateway is in, keeps little of them."""
    file, size = tmp_path / "file", 100 * MIB
    file.write_bytes(bytes(range(256)) * (size // 256))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    url = str(m.site.get_web_url())
    client.get("/counts")
    forget_peak()
    before = peak()
    quiet = ["curl", "-sS", "--noproxy", "*"]
    done = subprocess.run([*quiet, "-T", str(file), f"{url}/echo"], capture_output=True, check=True, timeout=SECONDS)
    shown = json.loads(done.stdout)
    assert shown["size"] == size
    assert shown["sha256"] == digest
    for path in ("big", "whole"):
        words = [*quiet, "-o", str(tmp_path / path), f"{url}/{path}?{size}"]
        subprocess.run(words, check=True, timeout=SECONDS)
        assert (tmp_path / path).stat().st_size == size
    assert peak() - before < 60 * MIB
    assert hashlib.sha256((tmp_path / "big").read_bytes()).hexdigest() == digest


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_who_reads_slowly_holds_the_app_up(client: httpx.Client) -> None:
    """gen.stream: what the app has sent stays near what its client has read."""
    parts = urlsplit(str(m.site.get_web_url()))
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as reading:
        reading.sendall(b"GET /site/big?104857600 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reading.recv(12) == b"HTTP/1.1 200"
        counts: list[int] = []
        until(
            lambda: (counts.append(client.get("/counts").json()["sent"]), len(counts) > 9 and len({*counts[-9:]}) == 1)[
                1
            ]
        )
        assert 0 < counts[-1] < 40 * MIB


@pytest.mark.parametrize("path", ["fails", "says-nothing"])
def test_an_app_that_fails_is_500(client: httpx.Client, path: str) -> None:
    """What went wrong is for the log, not for the client; the container goes on."""
    reply = client.get(f"/{path}")
    assert reply.status_code == 500
    assert reply.text == "Internal Server Error"
    assert client.get("/echo").json()["started"] == ["startup"]


def test_a_response_that_fails_on_its_way_is_cut(client: httpx.Client) -> None:
    """So that nobody takes a part for the whole."""
    with client.stream("GET", "/fails-late") as reply:
        pieces = reply.iter_raw()
        assert next(pieces) == b"some"
        client.get("/open")
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)


def test_a_request_has_its_function_s_timeout(client: httpx.Client) -> None:
    """call.timeout: 504."""
    reply = httpx.get(f"{m.slow.get_web_url()}/silent", timeout=SECONDS, trust_env=False)
    assert reply.status_code == 504


def test_an_app_that_never_starts_is_500() -> None:
    """cls.enter-fails: after bounded restarts."""
    reply = httpx.get(str(m.broken.get_web_url()), timeout=SECONDS, trust_env=False)
    assert reply.status_code == 500
    assert "never starts" not in reply.text


LACKS = """
    import urllib.error, urllib.request
    import intermodal

    app = intermodal.App("lacks")

    @app.function()
    @intermodal.asgi_app()
    def site():
        import no_such_framework

    @app.local_entrypoint()
    def main():
        try:
            urllib.request.urlopen(site.get_web_url())
        except urllib.error.HTTPError as error:
            print(error.code, error.read().decode())
"""


def test_why_an_app_does_not_start_is_in_its_log(place: Workplace) -> None:
    """With what to do about it; who asked for the page hears that it is there."""
    place.write("lacks.py", LACKS)
    done = place.intermodal("run", "lacks.py")
    assert "500 the web function has failed: its log says why" in done.stdout
    assert "add .pip_install('no_such_framework')" in done.stdout + done.stderr


def test_requires_proxy_auth_wants_a_token() -> None:
    """web.kinds: which the app does not see."""
    url = str(m.guarded.get_web_url())
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, headers={"proxy-authorization": "Bearer no"}, trust_env=False).status_code == 401
    for headers in ({"Proxy-Authorization": "Bearer the-token"}, {"Modal-Key": "me", "Modal-Secret": "the-token"}):
        reply = httpx.get(url, headers=headers, timeout=SECONDS, trust_env=False)
        assert reply.status_code == 200
        assert "the-token" not in reply.text


def test_headers_of_a_connection_stay_on_it(client: httpx.Client) -> None:
    """And what would split a response is none."""
    reply = client.get("/hops", headers={"te": "trailers", "x-more": "1"})
    assert reply.text == "fine"
    assert "x-mine" not in reply.headers
    assert "timeout=9" not in reply.headers.get("keep-alive", "")
    assert reply.headers["x-other"] == "2"
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]
    seen = [name for name, _ in client.get("/echo", headers={"te": "trailers"}).json()["headers"]]
    assert "te" not in seen
    assert "connection" not in seen
    split = client.get("/splits")
    assert split.status_code == 500
    assert "set-cookie" not in split.headers


@pytest.mark.parametrize("status", [204, 304, 404, 599])
def test_statuses_are_the_app_s(client: httpx.Client, status: int) -> None:
    """Those that have no body, too."""
    assert client.get(f"/status?{status}").status_code == status


def test_a_status_that_is_none_is_500(client: httpx.Client) -> None:
    """Rather than a broken connection."""
    assert client.get("/status?1000").status_code == 500


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /site/echo HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
        b"GET /site/echo HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"GET /site/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /site/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
    ids=["huge", "malformed", "two-lengths", "length-and-chunks", "tls"],
)
def test_what_is_no_request_is_refused(client: httpx.Client, request_: bytes) -> None:
    """400, and the next client is served."""
    parts = urlsplit(str(m.site.get_web_url()))
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=SECONDS) as sending:
        try:
            sending.sendall(request_)
            answer = sending.recv(12)
        except ConnectionError:  # it has hung up before it had all
            answer = b"HTTP/1.1 400"
    assert answer == b"HTTP/1.1 400"
    assert client.get("/counts").status_code == 200


def test_many_requests_at_once(client: httpx.Client) -> None:
    """conc.inputs: each gets its own answer."""
    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        answers[number] = httpx.post(
            f"{m.site.get_web_url()}/echo", content=bytes(number), trust_env=False, timeout=SECONDS
        ).json()["size"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number for number in range(40)}


# ---- WebSockets -----------------------------------------------------------------------------------------------------


def test_a_websocket_carries_messages_both_ways() -> None:
    """web.kinds: text, bytes, large ones; in order."""
    with connect(socket_url(), subprotocols=["a", "b"], proxy=None, max_size=None) as line:  # type: ignore[list-item]
        assert line.subprotocol == "b"
        messages: list[str | bytes] = ["ä", b"\x00\xff", "", b"", bytes(3 * MIB), *map(str, range(200))]
        for message in messages:
            line.send(message)
        assert [line.recv(timeout=SECONDS) for _ in messages] == messages


def test_either_end_closes_a_websocket(client: httpx.Client) -> None:
    """With a code that the other hears; a failure is 1011."""
    with connect(socket_url(), proxy=None) as line:
        line.send("close")
        with pytest.raises(ConnectionClosedError) as closed:
            line.recv(timeout=SECONDS)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "as you like")
    with connect(socket_url(), proxy=None) as line:
        line.close(4000, "enough")
    until(lambda: 4000 in client.get("/counts").json()["closed"])
    with connect(socket_url(), proxy=None) as line:
        line.send("fail")
        with pytest.raises((ConnectionClosedError, ConnectionClosedOK)) as failed:
            line.recv(timeout=SECONDS)
        assert failed.value.rcvd is not None
        assert failed.value.rcvd.code == 1011


def test_a_websocket_is_refused() -> None:
    """By the app, in its own words where it has some; by the gateway, where nothing is there."""
    for path, status in (("denied", 403), ("explained", 418)):
        with pytest.raises(InvalidStatus) as refused, connect(socket_url(path), proxy=None):
            pass
        assert refused.value.response.status_code == status
    root = str(m.site.get_web_url()).removesuffix("/site").replace("http", "ws", 1)
    with pytest.raises(InvalidStatus) as nothing, connect(f"{root}/nothing", proxy=None):
        pass
    assert nothing.value.response.status_code == 404


# ---- WSGI -----------------------------------------------------------------------------------------------------------


def test_a_wsgi_app_of_a_class() -> None:
    """web.kinds: its enters ran before; body, path and headers as PEP 3333 has them; it streams."""
    url = str(m.Shop().wsgi.get_web_url())
    headers = {"x-mine": "yes", "content-type": "text/plain", "x_mine": "forged"}
    reply = httpx.post(
        f"{url}/some/path?q=1", content=bytes(5 * MIB), headers=headers, timeout=SECONDS, trust_env=False
    )
    seen = reply.json()
    environ = seen["environ"]
    assert (reply.status_code, seen["goods"], seen["size"]) == (201, ["apple"], 5 * MIB)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/e2e-web-shop-wsgi", "/some/path")
    assert (environ["QUERY_STRING"], environ["CONTENT_TYPE"], environ["HTTP_X_MINE"]) == ("q=1", "text/plain", "yes")
    assert httpx.get(f"{url}/stream", trust_env=False).text.split() == [str(number) for number in range(1000)]
    assert httpx.get(f"{url}/fails", trust_env=False).status_code == 500
