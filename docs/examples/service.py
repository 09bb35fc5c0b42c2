"""A small language service: a model behind a web API with a login, streams and a WebSocket; health; a daily report.

intermodal run docs/examples/service.py
intermodal deploy docs/examples/service.py
curl -H "Authorization: Bearer open-sesame" -H "Content-Type: application/json" -d '{"text": "a dog"}' URL/predict
"""

import json
import logging
import os
import time
import urllib.error
import urllib.request

import intermodal as modal

stage = os.environ.get("STAGE", "dev")
app = modal.App("language-service" if stage == "dev" else f"language-service-{stage}")
image = modal.Image.debian_slim().pip_install("fastapi")
key = modal.Secret.from_dict({"SERVICE_KEY": "open-sesame"})
log = logging.getLogger("service")
logging.basicConfig(level=logging.INFO)


@app.cls(scaledown_window=60)
class Model:
    """What stands for a model here: it continues a text with words that begin as its words do."""

    @modal.enter()
    def load(self):
        words = "all bad can dog eat for get has ice jam kit low may now old put quiz run sit the use van was yes zoo"
        self.words = {word[0]: word for word in words.split()}

    @modal.method()
    def predict(self, text: str) -> str:
        """One continuation."""
        begun = time.perf_counter()
        answer = " ".join(self.words.get(word[0].lower(), "?") for word in text.split())
        log.info(json.dumps({"event": "predicted", "words": len(text.split())}))
        print(f"METRIC latency={time.perf_counter() - begun:.6f}s batch_size=1")
        return answer

    @modal.method()
    def tokens(self, text: str):
        """The same, word by word."""
        for word in text.split():
            yield self.words.get(word[0].lower(), "?")


@app.function(image=image, secrets=[key])
@modal.concurrent(max_inputs=50)
@modal.asgi_app()
def api():
    """The web API. FastAPI is in the image; who deploys this needs it not."""
    import hmac

    from fastapi import Depends, FastAPI, Header, HTTPException, WebSocket, WebSocketDisconnect
    from fastapi.responses import StreamingResponse

    web = FastAPI(title="Language service")

    def allowed(authorization: str = Header("")) -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {os.environ['SERVICE_KEY']}".encode()):
            raise HTTPException(401, "a key is needed")

    @web.post("/predict", dependencies=[Depends(allowed)])
    async def predict(data: dict[str, str]) -> dict[str, str]:
        return {"answer": await Model().predict.remote.aio(data["text"])}

    @web.get("/stream", dependencies=[Depends(allowed)])
    async def stream(text: str) -> StreamingResponse:
        async def events():
            async for word in Model().tokens.remote_gen.aio(text):
                yield f"data: {word}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    @web.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text(await Model().predict.remote.aio(await socket.receive_text()))
        except WebSocketDisconnect:
            pass

    return web


@app.function(image=image)
@modal.fastapi_endpoint()
def health() -> dict[str, str]:
    """For whoever watches the service."""
    return {"status": "healthy"}


@app.function(schedule=modal.Cron("0 7 * * *", timezone="Europe/Oslo"))
def report() -> str:
    """Each morning, once the app is deployed."""
    answers = list(Model().predict.map(["the quick fox", "a lazy dog"]))
    print(json.dumps({"event": "report", "answers": answers}))
    return "; ".join(answers)


def ask(path: str, text: str | None = None, authorization: str = "Bearer open-sesame") -> str:
    """What the service answers to a request, from anywhere."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    body = None if text is None else json.dumps({"text": text}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(path, body, headers)) as response:
            return response.read().decode()
    except urllib.error.HTTPError as refused:
        return f"{refused.code} {refused.read().decode()}"


@app.local_entrypoint()
def main():
    """Ask the service as its users do; then run what runs each morning."""
    url = api.get_web_url()
    print(ask(health.get_web_url()))
    print(ask(f"{url}/predict", "the quick brown fox", authorization="Bearer guessed"))
    print(ask(f"{url}/predict", "the quick brown fox"))
    print(ask(f"{url}/stream?text=jumps%20over"), end="")
    print(report.remote())
