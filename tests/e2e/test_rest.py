"""Deployed functions with curl: JSON in, JSON out (web.lookup)."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import Any

import pytest
from server_process import Server, elsewhere, serving
from workplace import Workplace

SHOP = """
    import asyncio, intermodal

    app = intermodal.App("shop")

    @app.function()
    def price(fruit, count=1, *, currency="EUR"):
        return {"fruit": fruit, "price": len(fruit) * count, "currency": currency}

    @app.function()
    async def later(x):
        await asyncio.sleep(0)
        return (x, None)

    @app.function()
    @intermodal.batched(max_batch_size=2, wait_ms=1)
    def doubled(xs):
        return [2 * x for x in xs]

    @app.function()
    def fails():
        raise LookupError("sold out")

    @app.function()
    def odd():
        return {1, 2}

    @app.function(timeout=1)
    def slow():
        import time
        time.sleep(60)

    @app.function()
    def many():
        yield 1

    @app.cls()
    class Scale:
        factor: int = intermodal.parameter(default=2)

        @intermodal.method()
        def scale(self, x):
            return x * self.factor
"""


class Curl:
    """Requests to a server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(self, path: str, body: Any = None, *more: str) -> tuple[int, Any]:
        """Status and JSON; a POST where there is a body."""
        url = self._server.url + path
        sends = [] if body is None else ["-d", body if isinstance(body, str) else json.dumps(body)]
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-m", "100", "-w", "\\n%{http_code}", *sends, *more, url],
            capture_output=True,
            text=True,
            check=True,
        )
        text, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(text)

    def call(self, function: str, body: Any, query: str = "") -> tuple[int, Any]:
        """Call a function of the shop."""
        return self(f"/v1/apps/shop/functions/{function}{query}", body)


@pytest.mark.one_user
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_a_deployed_function_is_called_with_curl(place: Workplace) -> None:
    """With arguments by name or in an envelope; sync, async, batched and methods of classes. Errors are JSON, with a
    status for their kind; a spawned call is asked about later; no page of a web site gets anything."""
    place.environment["INTERMODAL_DATA_DIR"] = str(place.directory / "server")
    place.write("shop.py", SHOP)
    with serving(place) as server:
        client = elsewhere(server, place)
        done = place.intermodal("deploy", "shop.py", env=client)
        assert done.returncode == 0, done.stderr
        curl = Curl(server)

        pear = {"fruit": "pear", "price": 8, "currency": "EUR"}
        assert curl.call("price", {"fruit": "pear", "count": 2}) == (200, pear)
        enveloped = {"args": ["pear", 2], "kwargs": {"currency": "CHF"}}
        assert curl.call("price", enveloped) == (200, {**pear, "currency": "CHF"})
        assert curl.call("later", {"x": "ü"}, "?environment=main") == (200, ["ü", None])
        assert curl.call("doubled", {"xs": 4}) == (200, 8)
        assert curl.call("Scale.scale", {"x": 3}) == (200, 6)
        assert curl.call("Scale.scale", {"args": [3], "parameters": {"factor": 5}}) == (200, 15)

        status, error = curl.call("fails", "")
        assert (status, error["error"], error["message"]) == (500, "LookupError", "sold out")
        assert 'raise LookupError("sold out")' in error["traceback"]
        status, error = curl.call("odd", "")
        assert (status, error["error"].rpartition(".")[2]) == (500, "SerializationError")
        assert "odd() was called over HTTP and returned something that JSON cannot hold" in error["message"]
        status, error = curl.call("price", {"fruit": "pear", "weight": 1})
        assert (status, error["error"]) == (500, "TypeError")
        assert curl.call("slow", "")[0] == 504
        for function, body, query, wanted, said in (
            ("price", "[1]", "", 400, "the body is no JSON object"),
            ("price", {}, "?spwan=1", 400, "known is: environment, spawn"),
            ("many", "", "", 400, "is a generator"),
            ("price", {"args": [1], "parameters": {"x": 1}}, "", 400, "parameters are what classes have"),
            ("prize", {}, "", 404, "it has: Scale, doubled, fails, later, many, odd, price, slow"),
            ("Scale", {}, "", 404, "it has: Scale.scale"),
            ("price", {}, "?environment=prod", 404, "this server has no environment 'prod'"),
        ):
            status, error = curl.call(function, body, query)
            assert (status, said in error["message"]) == (wanted, True), (function, error)
        assert curl("/v1/apps/shop/functions/price", {}, "-H", "Origin: http://evil.example")[0] == 403

        status, begun = curl.call("price", {"fruit": "fig"}, "?spawn=1")
        assert status == 202
        status, state = curl(f"{begun['url']}?timeout=60")
        assert (status, state["state"], state["result"]) == (200, "succeeded", {**pear, "fruit": "fig", "price": 3})
        program = f"import intermodal; print(intermodal.FunctionCall.from_id({begun['call']!r}).get()['price'])"
        assert place.run("-c", program, env=client).stdout == "3\n"
        _, begun = curl.call("fails", "", "?spawn=1")
        _, state = curl(f"{begun['url']}?timeout=60")
        assert (state["state"], state["error"], state["message"]) == ("failed", "LookupError", "sold out")
        assert curl("/v1/calls/fc-unknown")[0] == 404

        deadline = time.monotonic() + 60
        while True:  # observers hear of calls a little later than their callers
            rows = json.loads(place.intermodal("app", "stats", "shop", "--json", env=client).stdout)
            stats = {row["function"]: row for row in rows}
            if stats["fails"]["failed"] == 2:
                break
            assert time.monotonic() < deadline, stats
        assert sorted(stats) == ["Scale", "doubled", "fails", "later", "many", "odd", "price", "slow"]
        assert (stats["Scale"]["calls"], stats["Scale"]["failed"], stats["Scale"]["queued"]) == (2, 0, 0)
        assert stats["Scale"]["p95_s"] > 0
        assert (stats["many"]["calls"], stats["many"]["p95_s"]) == (0, None)
        assert place.intermodal("app", "stats", "shop", env=client).stdout.splitlines()[0].split()[:2] == [
            "function",
            "queued",
        ]
        unknown = place.intermodal("app", "stats", "till", env=client)
        assert (unknown.returncode, "(deployed: shop)" in unknown.stderr) == (1, True)
        server.end()
