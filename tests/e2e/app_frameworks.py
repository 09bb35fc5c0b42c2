"""Web functions with the frameworks that people use; imported in the containers only."""

from typing import Any

import intermodal as modal

image = modal.Image.debian_slim().pip_install("fastapi", "flask", "uvicorn", "websockets")
app = modal.App("frameworks", image=image)


@app.function(max_containers=1)
@modal.fastapi_endpoint(method="POST", docs=True)
async def order(fruit: str, count: int = 1) -> dict[str, Any]:
    return {"ordered": [fruit] * count, "input": modal.current_input_id()}


@app.cls(max_containers=1)
class Shop:
    @modal.enter()
    def stock(self) -> None:
        self.goods = {"apple": 3}

    @modal.fastapi_endpoint(label="price")
    def price(self, fruit: str) -> int:
        return self.goods[fruit]


@app.function(max_containers=1)
@modal.wsgi_app(label="flask")
def flask() -> Any:
    from flask import Flask, request, url_for

    site = Flask("site")

    @site.route("/greet/<name>", methods=["GET", "POST"])
    def greet(name: str) -> Any:
        return {"name": name, "size": len(request.data), "url": url_for("greet", name=name)}

    return site


def api() -> Any:
    from fastapi import FastAPI, WebSocket
    from fastapi.responses import StreamingResponse

    made = FastAPI()

    @made.get("/count")
    async def count(to: int) -> Any:
        return StreamingResponse((f"data: {number}\n\n" for number in range(to)), media_type="text/event-stream")

    @made.post("/size")
    async def size(request: dict[str, Any]) -> int:
        return len(request)

    @made.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text.upper())

    return made


@app.function(max_containers=1)
@modal.concurrent(max_inputs=10)
@modal.asgi_app(label="asgi")
def asgi() -> Any:
    return api()


@app.function(block_network=True)  # so that the port is the container's own, whatever else runs on this machine
@modal.concurrent(max_inputs=10)
@modal.web_server(18765, startup_timeout=60, label="server")
def server() -> None:
    import threading

    import uvicorn

    serve = uvicorn.Server(uvicorn.Config(api(), port=18765, log_level="warning"))
    threading.Thread(target=serve.run, daemon=True).start()


@app.function(block_network=True)
@modal.web_server(18766, startup_timeout=0.2, label="absent")
def absent() -> None:
    """Starts nothing."""
