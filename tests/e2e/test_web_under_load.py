"""Web functions while much goes on: new versions under requests, many open WebSockets (deploy.rolling, web.kinds)."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from server_process import serving
from websockets.sync.client import connect
from workplace import Done, Workplace

SECONDS = 120
CONNECTIONS = 3
SOCKETS = 60

SITE = """
    import intermodal

    app = intermodal.App("site")

    async def answer(scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (event := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": event["text"]})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"WORD"})

    @app.function(scaledown_window=2)
    @intermodal.concurrent(max_inputs=100)
    @intermodal.asgi_app(label="site")
    def web():
        BREAKS
        return answer
"""


class Visitors:
    """Some connections on which one request follows the other, each with an answer of its own."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._over = threading.Event()
        self.answers: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._visit, daemon=True) for _ in range(CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def _visit(self) -> None:
        connection = http.client.HTTPConnection(str(self._url.hostname), self._url.port, timeout=SECONDS)
        while not self._over.is_set():
            try:
                connection.request("GET", self._url.path)
                answer = connection.getresponse()
                self.answers[f"{answer.status} {answer.read().decode()}"] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[repr(error)] += 1
        connection.close()

    def leave(self) -> None:
        """After the answers that they wait for."""
        self._over.set()
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive()


def deploy(place: Workplace, url: str, word: str, breaks: str = "") -> Done:
    place.write("shop_site.py", SITE.replace("WORD", word).replace("BREAKS", breaks or "pass"))
    return place.intermodal("deploy", "shop_site.py", env={"INTERMODAL_SERVER_URL": url})


@pytest.mark.one_user
def test_new_versions_fail_no_request(place: Workplace) -> None:
    """Under requests without a pause, two versions that work follow one another, and one between them that does not:
    each request has the answer of a version that works. Then many WebSockets are open at once, each with its own
    answers."""
    with serving(place) as server:
        assert deploy(place, server.url, "one").returncode == 0
        visitors = Visitors(f"{server.url}/site")
        broken = deploy(place, server.url, "broken", "raise RuntimeError('out of stock')")
        assert broken.returncode == 1
        assert "out of stock" in broken.stderr
        for word in ("two", "three"):
            assert deploy(place, server.url, word).returncode == 0
        visitors.leave()
        assert set(visitors.answers) <= {"200 one", "200 two", "200 three"}, visitors.answers
        assert {"200 one", "200 two"} <= set(visitors.answers)
        with ExitStack() as stack:
            url = f"{server.url.replace('http', 'ws', 1)}/site"
            lines = [stack.enter_context(connect(url, proxy=None, open_timeout=SECONDS)) for _ in range(SOCKETS)]
            for number, line in enumerate(lines):
                line.send(f"line {number}")
            assert [line.recv(timeout=SECONDS) for line in lines] == [f"line {n}" for n in range(SOCKETS)]
        server.end()
