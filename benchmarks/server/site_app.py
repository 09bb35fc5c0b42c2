"""What is deployed. `BENCH_BREAK`: a version that does not start."""

from __future__ import annotations

import os
import time
from typing import Any

import intermodal

app = intermodal.App("bench-server")
image = intermodal.Image.debian_slim().pip_install("fastapi").add_local_python_source("server")
broken = {"BENCH_BREAK": os.environ.get("BENCH_BREAK", "")}

if not intermodal.is_local():
    time.sleep(0.05)  # as an import that takes so long


@app.function(image=image, max_containers=1, scaledown_window=300, env=broken)
@intermodal.concurrent(max_inputs=1000)
@intermodal.asgi_app(label="bench")
def site() -> Any:
    """The same app as uvicorn has."""
    if os.environ.get("BENCH_BREAK"):
        raise RuntimeError("this version is broken")
    from server.hello import web

    return web


@app.function(scaledown_window=1)
@intermodal.asgi_app(label="cold")
def cold() -> Any:
    """Nothing but an answer."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    return answer


@app.function(scaledown_window=300)
def same(x: int) -> int:
    """A call."""
    return x
