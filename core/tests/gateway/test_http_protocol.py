"""What a port takes of strangers before there is a request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn

from intermodal.gateway import http_protocol
from intermodal.gateway.uvicorn_server import uvicorn_config


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers all requests."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def answers(*pieces: bytes) -> list[bytes]:
    """What comes back for these, each sent when the one before was answered; the last as much as comes until the end of
    the connection."""

    async def scenario() -> list[bytes]:
        server = uvicorn.Server(uvicorn_config(app, lifespan="off", port=0, timeout_keep_alive=1))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.001)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = []
        for piece in pieces[:-1]:
            writer.write(piece)
            found.append(await reader.readuntil(b"ok"))
        writer.write(pieces[-1])
        found.append(await asyncio.wait_for(reader.read(), 60))
        writer.close()
        server.should_exit = True
        await serving
        return found

    return asyncio.run(scenario())


REQUEST = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


@pytest.mark.parametrize("before", [(), (REQUEST,)])
@pytest.mark.parametrize(("slow", "said"), [(b"GET / HT", b"taken too long"), (b"", b"")])
def test_a_head_that_takes_too_long_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, before: tuple[bytes, ...], slow: bytes, said: bytes
) -> None:
    """Neither of the first request of a connection nor of a later one; nor is one that never begins."""
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.3)
    *_, last = answers(*before, slow)
    assert said in last
    assert bool(last) == bool(said)
