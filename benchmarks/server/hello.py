"""The FastAPI app that both serve: a module of its own for uvicorn."""

from __future__ import annotations

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

__all__ = ["web"]

web = FastAPI()


@web.get("/")
async def hello() -> dict[str, str]:
    """What is measured."""
    return {"hello": "world"}


@web.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    """What comes in, until the client leaves."""
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass
