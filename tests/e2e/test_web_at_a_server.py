"""web.*: web functions of apps that run at a server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from server_process import Server, serving
from websockets.sync.client import connect
from workplace import Done, Workplace

SECONDS = 60

SITE = """
    import sys
    import intermodal

    app = intermodal.App("site")

    async def answer(scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": (await receive())["text"]})
            return
        assert scope["type"] == "http"
        size, more = 0, True
        while more:
            event = await receive()
            size, more = size + len(event["body"]), event["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})

    @app.function(max_containers=1)
    @intermodal.concurrent(max_inputs=10)
    @intermodal.asgi_app()
    def web():
        return answer

    @app.function(max_containers=1)
    @intermodal.asgi_app(label="private", requires_proxy_auth=True)
    def private():
        return answer

    @app.local_entrypoint()
    def main():
        print(web.get_web_url(), private.get_web_url(), flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    with serving(place) as running:
        yield running
        running.end()


@contextmanager
def running(place: Workplace, server: Server) -> Iterator[tuple[str, str]]:
    """An app that runs at the server until the end of the block; the URLs of its two web functions."""
    place.write("pages.py", SITE)
    words = ("-m", "intermodal.cli", "run", "pages.py")
    client = place.start(*words, env=server.environment, stdin=subprocess.PIPE)
    try:
        assert client.stdout is not None
        urls = client.stdout.readline().split()
        assert len(urls) == 2, client.communicate(timeout=SECONDS)
        yield urls[0], urls[1]
        _, errors = client.communicate("", timeout=SECONDS)
        assert client.returncode == 0, errors
        assert f"web takes requests at {urls[0]}" in errors
    finally:
        client.kill()
        client.communicate()


def get(url: str, **options: object) -> httpx.Response:
    return httpx.request("POST", url, timeout=SECONDS, trust_env=False, **options)  # type: ignore[arg-type]


@pytest.mark.one_user
def test_web_functions_take_requests_at_the_server_s_port(server: Server, place: Workplace) -> None:
    """web.lookup: by the URL that the client has; uploads and WebSockets, too. Two that run one file have URLs of their
    own. They end with their app, and others of the server's paths are the server's."""
    with running(place, server) as (url, private):
        assert (url, private) == (f"{server.url}/site-web-dev", f"{server.url}/private-dev")
        assert get(url, content=bytes(3 << 20)).text == str(3 << 20)
        with connect(url.replace("http", "ws", 1), proxy=None) as line:
            line.send("there and back")
            assert line.recv(timeout=SECONDS) == "there and back"
        with running(place, server) as (other, _):
            assert other.startswith(f"{url}-")
            assert get(other, content=b"12").text == "2"
        assert get(other).status_code == 404
        assert get(private).status_code == 401
        token = place.intermodal("token", "create", f"web-{os.getpid()}").stdout.strip()
        headers = {"Proxy-Authorization": f"Bearer {token}"}
        assert get(private, headers=headers, content=b"1").text == "1"
        assert httpx.get(f"{server.url}/healthz", trust_env=False).json() == {"status": "ok"}
        assert "/site-web-dev/" in httpx.get(f"{server.url}/nothing", trust_env=False).text
    assert get(url).status_code == 404


DEPLOYED = """
    import intermodal

    app = intermodal.App("NAME")

    async def answer(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"WORD"})

    @app.function(max_containers=1)
    @intermodal.asgi_app(label="shop-front")
    def web():
        return answer
"""


def deploy(place: Workplace, server: Server, name: str, word: str) -> Done:
    place.write("deployed.py", DEPLOYED.replace("NAME", name).replace("WORD", word))
    return place.intermodal("deploy", "deployed.py", env=server.environment)


@pytest.mark.one_user
def test_a_deployed_app_takes_requests_until_it_is_stopped(place: Workplace) -> None:
    """web.lookup: at one URL, whatever version is live, also after the server's restart. Another app's function
    with the same label is refused; nothing of that is deployed."""
    with serving(place) as server:
        done = deploy(place, server, "shop", "one")
        url = f"{server.url}/shop-front"
        assert f"web => {url}" in done.stdout.splitlines(), done.stderr
        assert get(url).text == "one"
        assert deploy(place, server, "shop", "two").returncode == 0
        assert get(url).text == "two"
        refused = deploy(place, server, "other", "three")
        assert refused.returncode == 1
        assert "the label 'shop-front' of 'web' is taken by 'web' of the app 'shop'" in refused.stderr
        calls = "import intermodal; intermodal.Function.from_name('shop', 'web').remote()"
        assert (
            "'web' is a web function: send requests to its URL" in place.run("-c", calls, env=server.environment).stderr
        )
        assert get(url).text == "two"
        server.end()
    with serving(place) as server:
        assert get(f"{server.url}/shop-front").text == "two"
        assert place.intermodal("app", "stop", "shop", env=server.environment).returncode == 0
        assert get(f"{server.url}/shop-front").status_code == 404
        server.end()
